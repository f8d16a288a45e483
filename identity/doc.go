// Package identity says who somebody is: an account that outlives its devices,
// the devices it admits, the names it goes by, and the keys under which each of
// its devices can be written to. Everything here is a value that can be checked
// without network, disk or clock; times and randomness are arguments.
//
// Enter by [NewPhrase] to make an account, by [NewDeviceKey] and
// [IssueDeviceCert] to give it a device, by [NewManifest] to list its devices,
// and by [Pin.Advance] to judge what somebody else's account says of itself.
//
// The three signed objects are each one opaque byte string: canonical CBOR
// followed by its signatures. What was received is what is verified and hashed,
// never a re-encoding.
//
//	+----------------------+---------------+-----------------+
//	| cert content (CBOR)  | by dsk, 64 B  | by issuer, 64 B |   spec/identity.md#device-certificate
//	+----------------------+---------------+-----------------+
//	+----------------------+-----------------+
//	| manifest (CBOR)      | by issuer, 64 B |                     spec/identity.md#manifest
//	+----------------------+-----------------+
//	+----------------------+---------------+
//	| bundle (CBOR)        | by dsk, 64 B  |                       spec/identity.md#prekey-bundle
//	+----------------------+---------------+
//
// The package also owns what every other document builds on: the labels that
// keep purposes apart ([Label], [Hash], [Derive]) and the one canonical CBOR
// encoding ([Encode], [Decode]).
package identity
