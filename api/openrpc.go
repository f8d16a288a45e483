package api

import "reflect"

// OpenRPC is the OpenRPC 1.3 document of the API: what rpc.discover answers.
type OpenRPC struct {
	OpenRPC    string         `json:"openrpc"`
	Info       OpenRPCInfo    `json:"info"`
	Methods    []OpenRPCCall  `json:"methods"`
	Components Components     `json:"components"`
	Events     []OpenRPCEvent `json:"x-events" doc:"the types of the notifications that events.subscribe begins"`
}

// OpenRPCInfo names the API.
type OpenRPCInfo struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Version     string `json:"version"`
}

// OpenRPCCall describes one method.
type OpenRPCCall struct {
	Name      string        `json:"name"`
	Summary   string        `json:"summary"`
	Structure string        `json:"paramStructure"`
	Params    List[Content] `json:"params"`
	Result    Content       `json:"result"`
	Changes   bool          `json:"x-changes" doc:"whether the method changes something"`
}

// Content describes one parameter or a result.
type Content struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Required    bool   `json:"required,omitempty"`
	Schema      Schema `json:"schema"`
}

// OpenRPCEvent describes one event type.
type OpenRPCEvent struct {
	Type EventType `json:"type"`
	Data Schema    `json:"data"`
}

// Components are the parts that the document refers to by name.
type Components struct {
	Schemas map[string]Schema       `json:"schemas"`
	Errors  map[string]OpenRPCFault `json:"errors"`
}

// OpenRPCFault describes one error kind.
type OpenRPCFault struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Data    ErrorData `json:"data"`
}

// Document returns the OpenRPC document, made from Methods, for a program of
// the given version.
func Document(version string) OpenRPC {
	s := schemas{}
	doc := OpenRPC{
		OpenRPC: "1.3.2",
		Info: OpenRPCInfo{
			Title:       "p2pmsgd",
			Description: "JSON-RPC 2.0 over a Unix socket, one message per line. Parameters are given by name.",
			Version:     version,
		},
	}
	for _, m := range Methods() {
		doc.Methods = append(doc.Methods, OpenRPCCall{
			Name:      m.Name,
			Summary:   m.Summary,
			Structure: "by-name",
			Params:    s.params(m.Params),
			Result:    Content{Name: "result", Schema: s.of(m.Result)},
			Changes:   m.Changes,
		})
	}
	s.of(reflect.TypeFor[Event]())
	for _, e := range EventTypes() {
		doc.Events = append(doc.Events, OpenRPCEvent{e.Type, s.of(e.Data)})
	}
	doc.Components = Components{Schemas: s, Errors: faults()}
	return doc
}

func faults() map[string]OpenRPCFault {
	out := map[string]OpenRPCFault{}
	for _, k := range Kinds() {
		out[string(k.Kind)] = OpenRPCFault{k.Kind.Code(), k.Meaning, ErrorData{Kind: k.Kind}}
	}
	return out
}
