package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"
	"sync"
)

// Decode reads the params member of a request into the struct that into points
// to. It is strict: names are compared letter by letter, and a parameter that is
// unknown, missing, of the wrong type or outside its enumeration gives an *Error
// of kind invalid that names it. Absent params, null and {} are the same, and so
// are an absent parameter and one that is null. The parameters of this release
// are scalars and arrays of them; planOf panics on a struct in a struct, whose
// members it would not check.
func Decode(params json.RawMessage, into any) error {
	v := reflect.ValueOf(into).Elem()
	given, err := members(params)
	if err != nil {
		return err
	}
	plan := planOf(v.Type())
	for _, name := range sortedKeys(given) {
		f, ok := plan.fields[name]
		if !ok {
			return invalidField(name, "no such parameter%s", plan.names())
		}
		if err := f.decode(name, given[name], v.FieldByIndex(f.index)); err != nil {
			return err
		}
	}
	for _, name := range plan.required {
		if _, ok := given[name]; !ok {
			return invalidField(name, "is missing")
		}
	}
	return check(into)
}

func members(params json.RawMessage) (map[string]json.RawMessage, error) {
	params = bytes.Trim(params, " \t\r\n")
	if len(params) == 0 || string(params) == "null" {
		return nil, nil
	}
	if params[0] != '{' {
		return nil, Errorf(KindInvalid, "params must be an object with named parameters")
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(params, &m); err != nil {
		return nil, Errorf(KindInvalid, "params: %v", err)
	}
	for name, raw := range m {
		if string(raw) == "null" {
			delete(m, name)
		}
	}
	return m, nil
}

// check asks the embedded parts of the parameters, and the parameters themselves.
func check(into any) error {
	if o, ok := into.(interface{ checkOnce() error }); ok {
		if err := o.checkOnce(); err != nil {
			return err
		}
	}
	if c, ok := into.(interface{ Check() error }); ok {
		return c.Check()
	}
	return nil
}

// plan is what Decode knows of a struct type.
type plan struct {
	fields   map[string]field
	required []string
	order    []string
}

type field struct {
	index []int
	kind  reflect.Type
}

var plans sync.Map // reflect.Type → *plan: derived from types alone, never changes

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{fields: map[string]field{}}
	for _, f := range jsonFields(t) {
		if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[Time]() {
			panic("api: parameters of " + t.Name() + " hold a struct: " + f.name)
		}
		p.fields[f.name] = field{f.index, f.Type}
		p.order = append(p.order, f.name)
		if !f.optional {
			p.required = append(p.required, f.name)
		}
	}
	plans.Store(t, p)
	return p
}

func (p *plan) names() string {
	if len(p.order) == 0 {
		return "; the method takes none"
	}
	return "; there are " + strings.Join(p.order, ", ")
}

func (f field) decode(name string, raw json.RawMessage, into reflect.Value) error {
	if err := json.Unmarshal(raw, into.Addr().Interface()); err != nil {
		return invalidField(name, "%s", decodeFault(err, f.kind))
	}
	return checkEnum(name, into)
}

func decodeFault(err error, t reflect.Type) string {
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("must be %s, not %s", wanted(t), te.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// wanted names a type the way JSON people do.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "an array with " + wanted(t.Elem()) + " each"
	case reflect.Float64:
		return "a number"
	case reflect.Uint64:
		return "a whole number, 0 or more"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	}
	return "an object"
}

func checkEnum(name string, v reflect.Value) error {
	if v.Kind() == reflect.Slice {
		for i := range v.Len() {
			if err := checkEnum(fmt.Sprintf("%s[%d]", name, i), v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	}
	e, ok := v.Interface().(interface{ Enum() []string })
	if ok && !slices.Contains(e.Enum(), v.String()) {
		return invalidField(name, "%q is none of %s", v.String(), strings.Join(e.Enum(), ", "))
	}
	return nil
}

// jsonField is one member of a struct as JSON shows it.
type jsonField struct {
	reflect.StructField
	name     string
	index    []int
	optional bool
}

// jsonFields lists the members of a struct in order, with those of embedded
// structs in their place.
func jsonFields(t reflect.Type) []jsonField {
	var out []jsonField
	for _, f := range reflect.VisibleFields(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "" || name == "-" {
			continue
		}
		optional := strings.Contains(opts, "omitempty") || strings.Contains(opts, "omitzero")
		out = append(out, jsonField{f, name, f.Index, optional})
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
