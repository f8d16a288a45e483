package api

// OpenRPC is the OpenRPC 1.3 document of the API.
type OpenRPC struct{}
