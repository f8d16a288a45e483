// Package mesh gets a sealed envelope to a device. It sees sealed bytes, device
// IDs and peer IDs, and nothing else; what is inside is the business of the
// floor above, which it knows only as an Upper.
//
// Enter with New, Attach the floor above, and Run. SetDest says which devices
// to keep a link to, Push hands over what was just committed to the outbox.
//
// Two protocols are spoken, both framed as node frames them (spec/delivery.md#frames):
//
//	/p2pmsg/dm/1       one long-lived stream per device pair and sending direction
//
//	  sender                                  receiver
//	    Data{n, envelope} ------------------->  Upper.Receive commits
//	    Data{n+1, envelope} ----------------->  (all that is there, one commit)
//	    <-------- Ack{n, receipt} Ack{n+1, receipt}   in one write
//	    <-------- Refuse{n, code}
//
//	/p2pmsg/prekey/1   one request, one response (spec/delivery.md#prekeys)
//
// The outbox of the floor above is the truth and a link is a window over it:
// whatever was not acknowledged when a stream ends is read from the outbox
// again and sent again, and the receiver, which keeps what it has seen, answers
// the second time as it did the first (spec/delivery.md#exactly-once).
//
// Carrier is the seam for other ways than the direct one; meshtest has the
// suite that each of them must pass.
package mesh
