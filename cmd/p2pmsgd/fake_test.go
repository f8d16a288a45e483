package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/p2pmsgd/p2pmsgd/api"
)

// fakeCall answers one method.
type fakeCall func(params json.RawMessage) (any, error)

// says makes a fakeCall that checks the parameters as a daemon does and always
// answers the same.
func says[P any](answer any) fakeCall {
	return func(params json.RawMessage) (any, error) {
		var p P
		if err := api.Decode(params, &p); err != nil {
			return nil, err
		}
		if err, ok := answer.(error); ok {
			return nil, err
		}
		if f, ok := answer.(func(P) (any, error)); ok {
			return f(p)
		}
		return answer, nil
	}
}

func at(s string) api.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return api.At(t)
}

var (
	fakeAlice = api.Account{
		Account: "aliceid", Handle: "alice~k3v9x2m4qa", Name: "Alice Doe", Device: "0a0b",
		Devices:   []api.Device{{Device: "0a0b", Name: "desk", PeerID: "12D3KooWAlice", Current: true, AddedAt: at("2026-01-02T03:04:05Z")}},
		CreatedAt: at("2026-01-02T03:04:05.678Z"),
	}
	fakeBob = api.Contact{
		Account: "bobid", Handle: "bob~m2x7q5k9wd", Name: "Bob", State: api.ContactAccepted,
		Verified: true, Online: true, Devices: 1, Conversation: "conv1",
	}
	fakeMallory = api.Contact{
		Account: "malloryid", Handle: "mallory~aaaaaaaaaa", Name: "evil\x1b[2Jname\u202e", State: api.ContactIncoming,
		Devices: 1, Conversation: "conv2", Greeting: "let me\nin \x07",
	}
	fakeSent = api.Message{
		Message: "m3", Conversation: "conv1", From: "aliceid", Outgoing: true, Kind: api.KindText,
		Text: "On Sunday?", SentAt: at("2026-01-02T10:02:00Z"), State: api.StateQueued,
	}
	fakeClaim = api.Claim{Handle: "bob~m2x7q5k9wd", Account: "bobid", Fingerprint: "m2x7 q5k9", Since: at("2026-01-01T00:00:00Z"), Reachable: new(true), Pinned: true}
	fakeOther = api.Claim{Handle: "bob~zzzzzzzzzz", Account: "otherid", Fingerprint: "zzzz zzzz", Since: at("2026-01-02T00:00:00Z")}
)

func fakeConversation() api.Conversation {
	return api.Conversation{
		Conversation: "conv1", Kind: api.Direct, Title: "Bob", Unread: 1,
		Members: []api.Member{{Account: "aliceid", Name: "Alice Doe"}, {Account: "bobid", Name: "Bob"}},
	}
}

func fakeMessages() api.MessageListResult {
	return api.MessageListResult{Messages: []api.Message{
		{Message: "m1", Conversation: "conv1", From: "bobid", Kind: api.KindText, Text: "Hello!\nTwo lines \x1b[31mred", SentAt: at("2026-01-02T10:00:00Z"), ReceivedAt: at("2026-01-02T10:00:01Z"), State: api.StateRead},
		{Message: "m2", Conversation: "conv1", From: "aliceid", Outgoing: true, Kind: api.KindText, Text: "Hi Bob", SentAt: at("2026-01-02T10:01:00Z"), State: api.StateDelivered},
	}}
}

// fakeCalls is a daemon with one account, two contacts and a conversation.
func fakeCalls() map[string]fakeCall {
	return map[string]fakeCall{
		"node.status": says[api.Empty](api.NodeStatus{
			PeerID: "12D3KooWAlice", Addresses: []string{"/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWAlice"}, Version: "v9", Uptime: 3725, Peers: 2,
			DHT: api.DHTStatus{WAN: api.TableStatus{Mode: "server", Size: 12}, LAN: api.TableStatus{Mode: "client", Size: 1}}, Reachability: "private",
			Relays: []string{"12D3KooWRelay"}, Traffic: api.Traffic{In: 1234, Out: 999}, Storage: api.Storage{Bytes: 52_000_000},
		}),
		"account.create":         says[api.AccountCreateParams](fakeAlice),
		"account.get":            says[api.Empty](fakeAlice),
		"account.update":         says[api.AccountUpdateParams](fakeAlice),
		"account.recoveryPhrase": says[api.Empty](api.AccountRecoveryPhraseResult{Phrase: "abandon ability able"}),
		"account.lock":           says[api.AccountLockParams](api.Errorf(api.KindConflict, "there is no passphrase to lock with").WithHint("account.setPassphrase sets one")),
		"account.unlock": says[api.AccountUnlockParams](func(p api.AccountUnlockParams) (any, error) {
			if p.Passphrase != "open sesame" {
				return nil, api.Errorf(api.KindForbidden, "wrong passphrase")
			}
			return api.Empty{}, nil
		}),
		"account.setPassphrase": says[api.AccountSetPassphraseParams](func(p api.AccountSetPassphraseParams) (any, error) {
			if p.Old != "" && p.Old != "old one" {
				return nil, api.Errorf(api.KindForbidden, "wrong passphrase")
			}
			return api.Empty{}, nil
		}),
		"handle.claim":   says[api.HandleClaimParams](api.HandleClaimResult{Handle: "alice~k3v9x2m4qa"}),
		"handle.resolve": says[api.HandleResolveParams](api.HandleResolveResult{Claims: []api.Claim{fakeClaim, fakeOther}, Searched: 12, Elapsed: 0.4567}),
		"handle.release": says[api.HandleReleaseParams](api.Empty{}),
		"contact.add": says[api.ContactAddParams](func(p api.ContactAddParams) (any, error) {
			if p.Peer == "bob" {
				return nil, api.Ambiguous("bob", []api.Claim{fakeClaim, fakeOther})
			}
			return fakeBob, nil
		}),
		"contact.list":    says[api.ContactListParams](fakeContacts),
		"contact.get":     says[api.PeerParams](fakeBob),
		"contact.accept":  says[api.PeerChangeParams](fakeBob),
		"contact.block":   says[api.PeerChangeParams](fakeBob),
		"contact.unblock": says[api.PeerChangeParams](fakeBob),
		"contact.decline": says[api.PeerChangeParams](api.Empty{}),
		"contact.remove":  says[api.PeerChangeParams](api.Errorf(api.KindNotFound, "no contact like that")),
		"contact.rename":  says[api.ContactRenameParams](fakeBob),
		"contact.verify":  says[api.ContactVerifyParams](func(p api.ContactVerifyParams) (any, error) { return fakeBob, wantDigits(p.Digits) }),
		"contact.safetyNumber": says[api.PeerParams](api.ContactSafetyNumberResult{
			Digits: "00000 11111 22222 33333 44444 55555 66666 77777 88888 99999 00000 11111", QR: "data:"}),
		"invite.create":         says[api.InviteCreateParams](api.InviteCreateResult{Invite: "i1", URI: "p2pmsg:abc", QR: "data:"}),
		"invite.open":           says[api.InviteOpenParams](fakeBob),
		"invite.list":           says[api.InviteListParams](api.InviteListResult{Invites: []api.Invite{{Invite: "i1", URI: "p2pmsg:abc", CreatedAt: at("2026-01-02T00:00:00Z"), ExpiresAt: at("2026-01-09T00:00:00Z"), Uses: 5, Used: 2}}}),
		"invite.revoke":         says[api.InviteRevokeParams](api.Empty{}),
		"conversation.get":      says[api.ConversationGetParams](fakeConversation()),
		"conversation.markRead": says[api.ConversationMarkReadParams](fakeConversation()),
		"message.list":          says[api.MessageListParams](fakeMessages()),
		"message.send": says[api.MessageSendParams](func(p api.MessageSendParams) (any, error) {
			m := fakeSent
			m.Text = p.Text
			return m, nil
		}),
		"events.subscribe": says[api.EventsSubscribeParams](api.EventsSubscribeResult{Cursor: 4}),
	}
}

// fakeContacts has two pages.
func fakeContacts(p api.ContactListParams) (any, error) {
	if p.Before == "" {
		return api.ContactListResult{Contacts: []api.Contact{fakeMallory}, Cursors: api.Cursors{Before: "x"}}, nil
	}
	return api.ContactListResult{Contacts: []api.Contact{fakeBob}}, nil
}

func wantDigits(got string) error {
	if got != "00000 11111" {
		return api.Errorf(api.KindUnverified, "these are not the digits").WithHint("compare again, over another way")
	}
	return nil
}

// fakeEvents follow every subscription.
func fakeEvents() []any {
	news := fakeMessages().Messages[0]
	again, third := news, news
	third.Message, third.Text = "m9", "And now?"
	var out []any
	for i, m := range []api.Message{again, third} {
		raw, _ := json.Marshal(m)
		out = append(out, api.Event{Cursor: uint64(5 + i), Time: at("2026-01-02T10:05:00Z"), Type: api.EventMessageNew, Data: raw})
	}
	return out
}

// serveFake serves the fake daemon until stop.
func serveFake(socket string) (stop func(), err error) {
	ln, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { fakeConn(nc) })
		}
	})
	return func() {
		ln.Close()
		os.Remove(socket)
		wg.Wait()
	}, nil
}

func fakeConn(nc net.Conn) {
	defer nc.Close()
	calls := fakeCalls()
	for r := bufio.NewScanner(nc); r.Scan(); {
		var req struct {
			ID     json.RawMessage
			Method string
			Params json.RawMessage
		}
		json.Unmarshal(r.Bytes(), &req)
		call, ok := calls[req.Method]
		if !ok {
			call = says[api.Empty](&api.Error{Code: api.CodeNoMethod, Text: "there is no method " + req.Method, ErrorData: api.ErrorData{Kind: api.KindNotFound, Hint: "rpc.discover lists them"}})
		}
		answer := map[string]any{"jsonrpc": "2.0", "id": req.ID}
		if result, err := call(req.Params); err != nil {
			answer["error"] = err
		} else {
			answer["result"] = result
		}
		out, _ := json.Marshal(answer)
		fmt.Fprintf(nc, "%s\n", out)
		if req.Method == "events.subscribe" {
			for _, e := range fakeEvents() {
				raw, _ := json.Marshal(e)
				fmt.Fprintf(nc, `{"jsonrpc":"2.0","method":"event","params":%s}`+"\n", raw)
			}
		}
	}
}
