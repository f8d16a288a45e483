package api

import (
	"encoding/json"
	"reflect"
)

// Schema is the part of JSON Schema that the document needs.
type Schema struct {
	Ref         string            `json:"$ref,omitempty"`
	Description string            `json:"description,omitempty"`
	Type        any               `json:"type,omitempty" doc:"a name, or an array of names"`
	Format      string            `json:"format,omitempty"`
	Enum        []string          `json:"enum,omitempty"`
	Items       *Schema           `json:"items,omitempty"`
	Properties  map[string]Schema `json:"properties,omitempty"`
	Required    []string          `json:"required,omitempty"`
}

// schemas collects the schemas of the named structs on the way.
type schemas map[string]Schema

// of returns the schema of a type, as JSON shows it.
func (s schemas) of(t reflect.Type) Schema {
	switch t {
	case reflect.TypeFor[Time]():
		return Schema{Type: "string", Format: "date-time"}
	case reflect.TypeFor[json.RawMessage](), reflect.TypeFor[any]():
		return Schema{}
	case reflect.TypeFor[Empty]():
		return Schema{Type: "object"}
	case reflect.TypeFor[OpenRPC]():
		return Schema{Type: "object", Description: "an OpenRPC 1.3 document"}
	}
	if e, ok := reflect.Zero(t).Interface().(interface{ Enum() []string }); ok {
		return Schema{Type: "string", Enum: e.Enum()}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Slice:
		items := s.of(t.Elem())
		return Schema{Type: "array", Items: &items}
	case reflect.Struct:
		return s.named(t)
	}
	return Schema{Type: scalar(t.Kind())}
}

func scalar(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Float64:
		return "number"
	}
	return "integer"
}

// named returns a reference to the schema of a struct, and keeps the schema.
func (s schemas) named(t reflect.Type) Schema {
	ref := Schema{Ref: "#/components/schemas/" + t.Name()}
	if _, known := s[t.Name()]; known {
		return ref
	}
	s[t.Name()] = Schema{} // a type may contain itself
	out := Schema{Type: "object", Properties: map[string]Schema{}}
	for _, f := range jsonFields(t) {
		out.Properties[f.name] = s.property(f)
		if !f.optional {
			out.Required = append(out.Required, f.name)
		}
	}
	s[t.Name()] = out
	return ref
}

// property is the schema of one member; a pointer that is always written can
// be null.
func (s schemas) property(f jsonField) Schema {
	p := s.of(f.Type)
	if f.Type.Kind() == reflect.Pointer && !f.optional {
		p.Type = []any{p.Type, "null"}
	}
	p.Description = f.Tag.Get("doc")
	return p
}

// params describes the members of a params struct one by one.
func (s schemas) params(t reflect.Type) List[Content] {
	var out List[Content]
	for _, f := range jsonFields(t) {
		out = append(out, Content{
			Name:        f.name,
			Description: f.Tag.Get("doc"),
			Required:    !f.optional,
			Schema:      s.of(f.Type),
		})
	}
	return out
}
