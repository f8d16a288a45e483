package api_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/api"
)

func TestDecodeTakes(t *testing.T) {
	var p api.MessageListParams
	raw := `{"conversation":"c","limit":500,"before":"x","after":null}`
	if err := api.Decode(json.RawMessage(raw), &p); err != nil || p.Conversation != "c" || p.Limit != 500 || p.Before != "x" {
		t.Errorf("%+v %v", p, err)
	}
	for _, raw := range []string{"", "null", " {} ", `{"limit":null}`} {
		var p api.ContactListParams
		if err := api.Decode(json.RawMessage(raw), &p); err != nil || !reflect.DeepEqual(p, api.ContactListParams{}) {
			t.Errorf("%q: %+v %v", raw, p, err)
		}
	}
	var mute api.ConversationMuteParams
	if err := api.Decode(json.RawMessage(`{"conversation":"c","until":"2026-01-02T04:04:05+01:00"}`), &mute); err != nil || mute.Until.String() != "2026-01-02T03:04:05.000Z" {
		t.Errorf("%+v %v", mute, err)
	}
	var sub api.EventsSubscribeParams
	if err := api.Decode(json.RawMessage(`{"types":["presence"],"after":0}`), &sub); err != nil || sub.After == nil || len(sub.Types) != 1 {
		t.Errorf("%+v %v", sub, err)
	}
}

// Every refusal names the parameter and what is wrong with it.
func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		into              any
		raw, field, wants string
	}{
		{&api.MessageSendParams{}, `[]`, "", "named parameters"},
		{&api.MessageSendParams{}, `{`, "", "params"},
		{&api.MessageSendParams{}, `{}`, "to", "is missing"},
		{&api.MessageSendParams{}, `{"to":null,"text":""}`, "to", "is missing"},
		{&api.MessageSendParams{}, `{"to":"b","text":"t","txt":"t"}`, "txt", "no such parameter; there are to, text, clientId"},
		{&api.MessageSendParams{}, `{"To":"b","text":"t"}`, "To", "no such parameter"},
		{&api.MessageSendParams{}, `{"to":"b","text":"t","replyTo":"m"}`, "replyTo", "no such parameter"},
		{&api.MessageSendParams{}, `{"to":"b","text":["t"]}`, "text", "must be a string, not array"},
		{&api.MessageSendParams{}, `{"to":"b","text":"t","clientId":"` + strings.Repeat("x", 65) + `"}`, "clientId", "at most 64 bytes"},
		{&api.Empty{}, `{"x":1}`, "x", "the method takes none"},
		{&api.ContactListParams{}, `{"limit":501}`, "limit", "between 1 and 500"},
		{&api.ContactListParams{}, `{"limit":-1}`, "limit", "between 1 and 500"},
		{&api.ContactListParams{}, `{"limit":1.5}`, "limit", "must be a whole number"},
		{&api.ContactListParams{}, `{"limit":"5"}`, "limit", "must be a whole number, not string"},
		{&api.ContactListParams{}, `{"limit":1e30}`, "limit", "must be a whole number"},
		{&api.ContactListParams{}, `{"before":"a","after":"b"}`, "after", "together with before"},
		{&api.ContactListParams{}, `{"state":"odd"}`, "state", `"odd" is none of requested, incoming, accepted, blocked`},
		{&api.EventsSubscribeParams{}, `{"types":["message.new","odd"]}`, "types[1]", `"odd" is none of`},
		{&api.EventsSubscribeParams{}, `{"types":"message.new"}`, "types", "must be an array with a string each"},
		{&api.EventsSubscribeParams{}, `{"after":-1}`, "after", "must be a whole number, 0 or more"},
		{&api.ConversationMuteParams{}, `{"conversation":"c","until":"tomorrow"}`, "until", "not an RFC 3339 time"},
		{&api.ConversationMuteParams{}, `{"conversation":"c","until":5}`, "until", "RFC 3339 time in quotes"},
	} {
		err := api.Decode(json.RawMessage(c.raw), c.into)
		e, ok := err.(*api.Error)
		if !ok || e.Kind != api.KindInvalid || e.Field != c.field || !strings.Contains(e.Text, c.wants) {
			t.Errorf("%T %s\n got %v (%+v)\nwant %s: %s", c.into, c.raw, err, e, c.field, c.wants)
		}
	}
}

// FuzzDecode: whatever is taken reads back the same after it was written again.
func FuzzDecode(f *testing.F) {
	for i, m := range api.Methods() {
		raw, _ := json.Marshal(reflect.New(m.Params).Interface())
		f.Add(i, raw)
	}
	f.Add(3, []byte(`{"types":["presence"],"after":18446744073709551615}`))
	f.Fuzz(func(t *testing.T, which int, raw []byte) {
		methods := api.Methods()
		typ := methods[uint(which)%uint(len(methods))].Params
		p, again := reflect.New(typ).Interface(), reflect.New(typ).Interface()
		if err := api.Decode(raw, p); err != nil {
			if api.KindOf(err) != api.KindInvalid {
				t.Fatalf("%v is of kind %q", err, api.KindOf(err))
			}
			return
		}
		out, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := api.Decode(out, again); err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("%s → %+v → %s → %+v, %v", raw, p, out, again, err)
		}
	})
}
