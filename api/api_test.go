package api_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/p2pmsgd/p2pmsgd/api"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The shapes below are the contract: a change here is a change for every client.
func TestShapes(t *testing.T) {
	at := api.At(time.Date(2026, 1, 2, 4, 4, 5, 678_999_999, time.FixedZone("", 3600)))
	for _, c := range []struct {
		v    any
		want string
	}{
		{at, `"2026-01-02T03:04:05.678Z"`},
		{api.Time{}, `null`},
		{api.Account{CreatedAt: at}, `{"account":"","handle":"","name":"","device":"","devices":[],"recoveryPhraseSeen":false,"createdAt":"2026-01-02T03:04:05.678Z"}`},
		{api.Device{AddedAt: at}, `{"device":"","name":"","current":false,"addedAt":"2026-01-02T03:04:05.678Z"}`},
		{api.Claim{Since: at}, `{"handle":"","account":"","fingerprint":"","since":"2026-01-02T03:04:05.678Z","reachable":null,"pinned":false}`},
		{api.Contact{}, `{"account":"","handle":"","name":"","state":"","verified":false,"online":false,"devices":0,"conversation":""}`},
		{api.Conversation{}, `{"conversation":"","kind":"","title":"","members":[],"unread":0,"typing":[]}`},
		{api.Message{SentAt: at}, `{"message":"","conversation":"","from":"","outgoing":false,"kind":"","text":"","reactions":[],"attachments":[],"edits":0,"deleted":false,"sentAt":"2026-01-02T03:04:05.678Z","state":""}`},
		{api.Delivery{At: at}, `{"device":"","state":"","at":"2026-01-02T03:04:05.678Z"}`},
		{api.Reaction{}, `{"emoji":"","from":[]}`},
		{api.Attachment{Voice: &api.Voice{}, Image: &api.Image{}}, `{"blob":"","name":"","mime":"","size":0,"state":"","received":0,"voice":{"duration":0,"waveform":[]},"image":{"width":0,"height":0}}`},
		{api.NodeStatus{}, `{"peerId":"","addresses":[],"version":"","uptime":0,"peers":0,"dht":{"wan":{"mode":"","size":0},"lan":{"mode":"","size":0}},"reachability":"","relays":[],"mailboxes":[],"traffic":{"in":0,"out":0},"storage":{"bytes":0}}`},
		{api.HandleResolveResult{}, `{"claims":[],"searched":0,"elapsed":0}`},
		{api.ContactListResult{}, `{"contacts":[]}`},
		{api.MessageListResult{Cursors: api.Cursors{Before: "x"}}, `{"messages":[],"before":"x"}`},
		{api.Event{Time: at, Data: json.RawMessage(`{}`)}, `{"cursor":0,"time":"2026-01-02T03:04:05.678Z","type":"","data":{}}`},
		{api.EventsSubscribeParams{After: new(uint64)}, `{"after":0}`},
		{api.MessageSendParams{To: "bob"}, `{"to":"bob","text":""}`},
		{api.Empty{}, `{}`},
		{api.Errorf(api.KindNotFound, "no %s", "bob").WithHint("look"), `{"code":1,"message":"no bob","data":{"kind":"notFound","hint":"look"}}`},
		{api.Ambiguous("bob", []api.Claim{{Since: at}}), `{"code":2,"message":"1 accounts claim bob","data":{"kind":"ambiguous","hint":"use the full handle, name~tag, of the one you mean","claimants":[{"handle":"","account":"","fingerprint":"","since":"2026-01-02T03:04:05.678Z","reachable":null,"pinned":false}]}}`},
	} {
		got, err := json.Marshal(c.v)
		if err != nil || string(got) != c.want {
			t.Errorf("%T\n got %s %v\nwant %s", c.v, got, err, c.want)
		}
	}
}

// Every type reads back what it writes.
func TestResultsRoundTrip(t *testing.T) {
	for _, m := range api.Methods() {
		for _, typ := range []reflect.Type{m.Params, m.Result} {
			v := reflect.New(typ)
			raw, err := json.Marshal(v.Interface())
			if err != nil {
				t.Fatalf("%s: %v", typ, err)
			}
			if err := json.Unmarshal(raw, reflect.New(typ).Interface()); err != nil {
				t.Errorf("%s: %s: %v", typ, raw, err)
			}
		}
	}
}

func TestMethodsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	client := reflect.TypeFor[*api.Client]()
	for _, m := range api.Methods() {
		subject, verb, ok := strings.Cut(m.Name, ".")
		if !ok || seen[m.Name] || m.Summary == "" || strings.HasSuffix(m.Summary, ".") {
			t.Errorf("%s: twice, or without a summary, or no subject.verb", m.Name)
		}
		seen[m.Name] = true
		_, once := m.Params.FieldByName("Once")
		if once != m.Changes {
			t.Errorf("%s: takes clientId: %v, changes something: %v", m.Name, once, m.Changes)
		}
		checkClientMethod(t, client, m, title(subject)+title(verb))
	}
	if got := client.NumMethod() - len(seen); got != 3 {
		t.Errorf("%d methods of Client belong to no RPC method; Call, Close and Events do", got)
	}
}

func title(s string) string {
	if s == "rpc" {
		return "RPC"
	}
	r := []rune(s)
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}

// checkClientMethod checks that the client has a method with the types of the table.
func checkClientMethod(t *testing.T, client reflect.Type, m api.Method, name string) {
	t.Helper()
	g, ok := client.MethodByName(name)
	if !ok {
		t.Errorf("Client has no %s", name)
		return
	}
	empty := reflect.TypeFor[api.Empty]()
	var in, out []reflect.Type
	for i := 2; i < g.Type.NumIn(); i++ {
		in = append(in, g.Type.In(i))
	}
	for i := range g.Type.NumOut() - 1 {
		out = append(out, g.Type.Out(i))
	}
	if len(in) == 0 {
		in = append(in, empty)
	}
	if len(out) == 0 {
		out = append(out, empty)
	}
	if in[0] != m.Params || out[0] != m.Result {
		t.Errorf("Client.%s takes %s and gives %s, the table says %s and %s", name, in[0], out[0], m.Params, m.Result)
	}
}

// Every kind has a code of its own, and an error survives the way over the wire.
func TestErrorsRoundTrip(t *testing.T) {
	codes := map[int]api.Kind{}
	for _, k := range api.Kinds() {
		if other, twice := codes[k.Code]; twice {
			t.Errorf("%s and %s share code %d", k.Kind, other, k.Code)
		}
		codes[k.Code] = k.Kind
		raw, err := json.Marshal(api.Errorf(k.Kind, "text").WithHint("hint"))
		if err != nil {
			t.Fatal(err)
		}
		var back api.Error
		if err := json.Unmarshal(raw, &back); err != nil || back.Kind != k.Kind || back.Code != k.Code || back.Text != "text" || back.Hint != "hint" {
			t.Errorf("%s came back as %+v %v", raw, back, err)
		}
	}
	var strange api.Error
	if err := json.Unmarshal([]byte(`{"code":-1,"message":"x","data":[1]}`), &strange); err != nil || strange.Kind != api.KindInternal {
		t.Errorf("an error of another server came out as %+v %v", strange, err)
	}
}

// The document must not refer to what it does not define.
func TestDocumentIsWhole(t *testing.T) {
	doc := api.Document("v1")
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(raw), `"$ref":"#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if s, ok := doc.Components.Schemas[name]; !ok || len(s.Properties) == 0 {
			t.Errorf("the document refers to %s and does not define it", name)
		}
	}
	if len(doc.Methods) != len(api.Methods()) || doc.Info.Version != "v1" {
		t.Errorf("%d methods, version %s", len(doc.Methods), doc.Info.Version)
	}
	reachable := doc.Components.Schemas["Claim"].Properties["reachable"]
	if !reflect.DeepEqual(reachable.Type, []any{"boolean", "null"}) {
		t.Errorf("Claim.reachable is %v", reachable.Type)
	}
}
