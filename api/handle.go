package api

// Claim is somebody who claims a handle. Several accounts may claim the same
// name; the tag in the full handle and the fingerprint tell them apart.
type Claim struct {
	Handle      string    `json:"handle" doc:"full handle, name~tag"`
	Account     AccountID `json:"account"`
	Fingerprint string    `json:"fingerprint" doc:"short form of the account's key, for people to compare"`
	Since       Time      `json:"since" doc:"since when the claim says it stands"`
	Reachable   *bool     `json:"reachable" doc:"whether a device answers now; null when not tried"`
	Pinned      bool      `json:"pinned" doc:"whether it is a contact of ours: pinned, so safe from impostors"`
}

// HandleClaimParams are the parameters of handle.claim.
type HandleClaimParams struct {
	Name string `json:"name" doc:"the name to claim: 3 to 24 of a-z, 0-9, _ and -"`
	Once
}

// HandleClaimResult is the result of handle.claim.
type HandleClaimResult struct {
	Handle string `json:"handle" doc:"full handle, name~tag"`
}

// HandleResolveParams are the parameters of handle.resolve.
type HandleResolveParams struct {
	Handle string `json:"handle" doc:"a name or a full handle, name~tag"`
}

// HandleResolveResult is the result of handle.resolve.
type HandleResolveResult struct {
	Claims   List[Claim] `json:"claims" doc:"every verified claimant that was found; empty when nobody claims it"`
	Searched int         `json:"searched" doc:"peers asked"`
	Elapsed  float64     `json:"elapsed" doc:"seconds the search took"`
}

// HandleReleaseParams are the parameters of handle.release.
type HandleReleaseParams struct {
	Once
}
