package p2pmsgd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// licences are phrases that only the named licence has. All of them allow a
// program under the MIT licence to be built with the library.
var licences = []struct{ name, phrase string }{
	{"Apache-2.0", "Apache License"},
	{"Apache-2.0", "Apache-2.0 Software License"},
	{"MIT", "Permission is hereby granted, free of charge"},
	{"BSD", "Redistribution and use in source and binary forms"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software"},
	{"ISC", "Permission to use, copy, modify, and distribute this software"},
	{"CC0", "CC0 1.0 Universal"},
	{"Unlicense", "This is free and unencumbered software"},
	{"MPL-2.0", "Mozilla Public License Version 2.0"},
	{"MPL-2.0", "Mozilla Public License, version 2.0"},
}

// TestLicences reads the licence of every module that the program links, so
// that one that forbids our own licence never arrives unseen.
func TestLicences(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f",
		"{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}", "./cmd/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(lines)
	for _, line := range slices.Compact(lines) {
		path, dir, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		if name := licenceOf(t, dir); name == "" {
			t.Errorf("%s: no licence that we know in its folder", path)
		} else if name == "MPL-2.0" {
			t.Logf("%s is %s: its own files stay under it", path, name)
		}
	}
}

var space = regexp.MustCompile(`\s+`)

// licenceOf looks in a module's folder for a file that holds a known licence.
func licenceOf(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		upper := strings.ToUpper(e.Name())
		if e.IsDir() || !(strings.Contains(upper, "LICEN") || strings.Contains(upper, "COPYING") || strings.Contains(upper, "README")) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		text := space.ReplaceAllString(string(b), " ")
		for _, l := range licences {
			if strings.Contains(text, l.phrase) {
				return l.name
			}
		}
	}
	return ""
}
