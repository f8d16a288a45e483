// Package p2pmsgd_test keeps the rules of this repository as ordinary tests:
// the floors of the house, formatting, package documentation, and references
// into the specification. A rule that fails says why it is there.
package p2pmsgd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/p2pmsgd/p2pmsgd"

// floor is one line of the table of floors: what a package of ours may import
// of ours, and why it stands where it stands.
type floor struct {
	level int
	may   []string
	why   string
}

// floors is the house. A package imports only packages on floors below its
// own, and of those only the ones named here.
var floors = map[string]floor{
	"identity":    {0, nil, "who somebody is must be checkable without network, disk or clock"},
	"ratchet":     {0, nil, "cryptographic state machines are values in, values out, so that they can be tabled and fuzzed"},
	"api":         {0, nil, "the contract and its client must not drag in a daemon"},
	"spec":        {0, nil, "vectors are files, not code"},
	"spec/second": {0, nil, "a second implementation proves the documents only if it takes nothing from the first; its tests alone know both"},

	"node":  {1, []string{"identity"}, "sockets know nothing of messages"},
	"store": {1, []string{"identity"}, "disk knows nothing of messages"},

	"dht":           {2, []string{"node", "identity"}, "where people are found, not what they say"},
	"mesh":          {2, []string{"node", "store", "identity"}, "sees sealed bytes and a recipient, nothing else"},
	"mesh/meshtest": {2, []string{"mesh", "node", "store", "identity"}, "the one delivery suite that every carrier passes"},

	"chat": {3, []string{"identity", "ratchet", "node", "store", "dht", "mesh"}, "what people do; never imports calls"},

	"daemon": {4, []string{"identity", "ratchet", "api", "spec", "node", "store", "dht", "mesh", "chat"}, "the only place that knows both the API and the floors"},

	"cmd/p2pmsgd":      {5, []string{"daemon", "api"}, "start, stop, print"},
	"internal/testnet": {5, []string{"daemon", "api", "node", "mesh"}, "a world in memory for story tests; plugs into the seams of node and mesh"},
}

// outside says which packages of ours may import a module of others, by
// prefix; modules that are not named are free. The longest prefix wins.
var outside = []struct {
	prefix string
	may    []string
	why    string
}{
	{"github.com/libp2p/go-libp2p/core/peer", nil, "names of libp2p things are free from the ground up"},
	{"github.com/libp2p/go-libp2p/core/crypto", nil, "names of libp2p things are free from the ground up"},
	{"github.com/multiformats/go-multiaddr", nil, "names of libp2p things are free from the ground up"},
	{"github.com/libp2p/", []string{"node", "dht", "mesh", "mesh/meshtest", "internal/testnet"}, "sockets end on the floors of reach"},
	{"github.com/dgraph-io/", []string{"store"}, "only store knows what the disk looks like"},
	{"github.com/pion/", []string{"calls"}, "media stays in one package, so that another version is an import path away"},
	{"github.com/creachadair/jrpc2", []string{"api", "daemon"}, "JSON-RPC ends at the contract"},
	{"github.com/spf13/", []string{"cmd/p2pmsgd"}, "only the entry reads flags"},
	{"github.com/pelletier/", []string{"cmd/p2pmsgd"}, "only the entry reads configuration files"},
	{"github.com/fxamacker/cbor", []string{"identity", "ratchet"}, "there is one canonical encoding; everybody else asks identity for it"},
}

// listed is what `go list -json` says of one package.
type listed struct {
	ImportPath, Dir, Doc      string
	Imports, GoFiles          []string
	TestGoFiles, XTestGoFiles []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,Imports,GoFiles,TestGoFiles,XTestGoFiles", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var ps []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return ps
		} else if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
}

func ours(importPath string) (string, bool) {
	return strings.CutPrefix(importPath, module+"/")
}

func TestFloors(t *testing.T) {
	for _, p := range packages(t) {
		name, ok := ours(p.ImportPath)
		if !ok {
			continue // the root holds only this file
		}
		f, known := floors[name]
		if !known {
			t.Errorf("package %s has no floor: say in repo_test.go where it lives and why", name)
			continue
		}
		for _, imp := range p.Imports {
			checkImport(t, name, f, imp)
		}
	}
}

func checkImport(t *testing.T, name string, f floor, imp string) {
	t.Helper()
	if dep, ok := ours(imp); ok {
		if !slices.Contains(f.may, dep) {
			t.Errorf("%s (floor %d) imports %s: it may import %v, because %s", name, f.level, dep, f.may, f.why)
		}
		return
	}
	best := -1
	for i, o := range outside {
		if strings.HasPrefix(imp, o.prefix) && (best < 0 || len(o.prefix) > len(outside[best].prefix)) {
			best = i
		}
	}
	if best >= 0 && outside[best].may != nil && !slices.Contains(outside[best].may, name) {
		t.Errorf("%s imports %s, which only %v may: %s", name, imp, outside[best].may, outside[best].why)
	}
}

func TestFloorsOnlyLookDown(t *testing.T) {
	for name, f := range floors {
		for _, dep := range f.may {
			d, known := floors[dep]
			samePackageSuite := strings.HasPrefix(name, dep+"/")
			if !known || (d.level >= f.level && !samePackageSuite) {
				t.Errorf("the table lets %s (floor %d) import %s (floor %d)", name, f.level, dep, d.level)
			}
		}
	}
}

func TestPackagesAreDocumented(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package comment: say what it is and where to enter", p.ImportPath)
		}
	}
}

// goFiles walks the Go files of the repository.
func goFiles(t *testing.T, fn func(path string, src []byte)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fn(path, src)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestGofmt(t *testing.T) {
	goFiles(t, func(path string, src []byte) {
		out, err := format.Source(src)
		if err != nil || !bytes.Equal(out, src) {
			t.Errorf("%s is not gofmt-clean (%v)", path, err)
		}
	})
}

// TestFilesStaySmall keeps every file readable in one sitting.
func TestFilesStaySmall(t *testing.T) {
	goFiles(t, func(path string, src []byte) {
		if n := bytes.Count(src, []byte("\n")); n > 500 && !strings.HasSuffix(path, "_test.go") {
			t.Errorf("%s has %d lines: split it by subject", path, n)
		}
	})
}

// TestExportedNamesAreDocumented asks for a comment on every exported
// declaration outside tests: a name without one has no stated promise.
func TestExportedNamesAreDocumented(t *testing.T) {
	goFiles(t, func(path string, src []byte) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		for _, decl := range file.Decls {
			if name := undocumented(decl); name != "" {
				t.Errorf("%s: %s is exported without a comment", path, name)
			}
		}
	})
}

func undocumented(decl ast.Decl) string {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil && d.Name.IsExported() && d.Doc == nil {
			return d.Name.Name
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			ts, ok := s.(*ast.TypeSpec)
			if ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
				return ts.Name.Name
			}
		}
	}
	return ""
}

var specRef = regexp.MustCompile(`spec/([a-z-]+\.md)(?:#([a-z0-9-]+))?`)

// TestSpecReferences follows every `spec/x.md#heading` in the code to a
// heading that is really there.
func TestSpecReferences(t *testing.T) {
	anchors := map[string][]string{}
	goFiles(t, func(path string, src []byte) {
		if path == "repo_test.go" {
			return
		}
		for _, m := range specRef.FindAllStringSubmatch(string(src), -1) {
			file, anchor := m[1], m[2]
			if _, read := anchors[file]; !read {
				anchors[file] = headings(t, file)
			}
			if anchor != "" && !slices.Contains(anchors[file], anchor) {
				t.Errorf("%s points at spec/%s#%s, which is no heading there", path, file, anchor)
			}
		}
	})
}

var notInAnchor = regexp.MustCompile(`[^a-z0-9 _-]`)

func headings(t *testing.T, file string) (out []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("spec", file))
	if err != nil {
		t.Errorf("the code names spec/%s: %v", file, err)
	}
	for line := range strings.Lines(string(b)) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			slug := notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			out = append(out, strings.ReplaceAll(slug, " ", "-"))
		}
	}
	return out
}

// registry reads the labels of spec/labels.md.
func registry(t *testing.T) (out []string) {
	t.Helper()
	b, err := os.ReadFile("spec/labels.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(line, "|")
		if len(cells) > 3 && strings.Contains(cells[1], "`") {
			out = append(out, strings.Trim(strings.TrimSpace(cells[1]), "`"))
		}
	}
	return out
}

// TestLabelsPrefixFree keeps a value made for one purpose from being taken for
// one made for another, whatever follows the label.
func TestLabelsPrefixFree(t *testing.T) {
	labels := registry(t)
	if len(labels) == 0 {
		t.Fatal("spec/labels.md lists no label")
	}
	for i, a := range labels {
		for j, b := range labels {
			if i != j && strings.HasPrefix(b, a) {
				t.Errorf("label %q is a prefix of %q", a, b)
			}
		}
	}
}
