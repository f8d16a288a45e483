// Package meshtest is the one delivery suite: whatever the way, envelopes arrive
// in order, are shown exactly once, and the sender learns of it, although
// envelopes and answers get lost or doubled and daemons restart. Every
// mesh.Carrier passes Run, given a Pair of devices that it joins.
package meshtest
