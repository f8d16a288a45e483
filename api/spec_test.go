package api_test

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/api"
)

const specFile = "../spec/api.md"

// TestSpecIsFresh holds the tables of the specification against the code.
// UPDATE_SPEC=1 writes them.
func TestSpecIsFresh(t *testing.T) {
	doc := api.Document("test")
	was, err := os.ReadFile(specFile)
	if err != nil {
		t.Fatal(err)
	}
	now := was
	for name, table := range map[string]string{
		"kinds": kindTable(), "events": eventTable(doc), "methods": methodTable(doc), "types": typeList(doc),
	} {
		now = replaceSection(t, now, name, table)
	}
	if bytes.Equal(was, now) {
		return
	}
	if os.Getenv("UPDATE_SPEC") == "" {
		t.Fatal("the tables in spec/api.md are stale: UPDATE_SPEC=1 go test ./api")
	}
	if err := os.WriteFile(specFile, now, 0o644); err != nil {
		t.Fatal(err)
	}
}

func replaceSection(t *testing.T, doc []byte, name, table string) []byte {
	t.Helper()
	head, rest, ok1 := bytes.Cut(doc, []byte("<!-- "+name+" -->\n"))
	_, tail, ok2 := bytes.Cut(rest, []byte("<!-- /"+name+" -->\n"))
	if !ok1 || !ok2 {
		t.Fatalf("%s has no section %s", specFile, name)
	}
	return fmt.Appendf(nil, "%s<!-- %s -->\n%s<!-- /%s -->\n%s", head, name, table, name, tail)
}

func kindTable() string {
	s := "| kind | code | meaning |\n| --- | --- | --- |\n"
	for _, k := range api.Kinds() {
		s += fmt.Sprintf("| `%s` | %d | %s |\n", k.Kind, k.Code, k.Meaning)
	}
	return s
}

func eventTable(doc api.OpenRPC) string {
	s := "| type | data | when |\n| --- | --- | --- |\n"
	for i, e := range api.EventTypes() {
		s += fmt.Sprintf("| `%s` | %s | %s |\n", e.Type, typeName(doc.Events[i].Data), e.Meaning)
	}
	return s
}

func methodTable(doc api.OpenRPC) string {
	s := "| method | parameters | result | |\n| --- | --- | --- | --- |\n"
	for _, m := range doc.Methods {
		var params []string
		for _, p := range m.Params {
			if p.Name == "clientId" {
				continue
			}
			if !p.Required {
				p.Name += "?"
			}
			params = append(params, p.Name)
		}
		changes := "reads"
		if m.Changes {
			changes = "changes"
		}
		s += fmt.Sprintf("| `%s` | %s | %s | %s: %s |\n", m.Name, strings.Join(params, ", "), typeName(m.Result.Schema), changes, m.Summary)
	}
	return s
}

// typeList writes each type as a list of its fields.
func typeList(doc api.OpenRPC) string {
	var names []string
	for name := range doc.Components.Schemas {
		names = append(names, name)
	}
	sort.Strings(names)
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "**%s**\n", name)
		writeFields(&b, doc.Components.Schemas[name])
	}
	return b.String()
}

func writeFields(b *strings.Builder, s api.Schema) {
	for _, name := range sortedFields(s) {
		p, optional := s.Properties[name], "?"
		for _, r := range s.Required {
			if r == name {
				optional = ""
			}
		}
		fmt.Fprintf(b, "- `%s%s`: %s", name, optional, typeName(p))
		if p.Description != "" {
			fmt.Fprintf(b, "; %s", p.Description)
		}
		b.WriteByte('\n')
	}
}

// sortedFields returns required ones first, in the order of the code.
func sortedFields(s api.Schema) []string {
	names := append([]string(nil), s.Required...)
	var rest []string
	for name := range s.Properties {
		if !strings.Contains("\x00"+strings.Join(names, "\x00")+"\x00", "\x00"+name+"\x00") {
			rest = append(rest, name)
		}
	}
	sort.Strings(rest)
	return append(names, rest...)
}

func typeName(s api.Schema) string {
	switch {
	case s.Ref != "":
		return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
	case s.Items != nil:
		return "array of " + typeName(*s.Items)
	case len(s.Enum) > 0:
		return "`" + strings.Join(s.Enum, "` `") + "`"
	case s.Format == "date-time":
		return "time"
	case reflect.DeepEqual(s, api.Schema{Type: "object"}):
		return "`{}`"
	case s.Type == nil:
		return "any"
	}
	if names, ok := s.Type.([]any); ok {
		return strings.ReplaceAll(strings.Trim(fmt.Sprint(names), "[]"), " ", " or ")
	}
	return fmt.Sprint(s.Type)
}
