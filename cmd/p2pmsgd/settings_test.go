package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/p2pmsgd/p2pmsgd/daemon"
)

// configOf runs the merge of settings for one flag set, environment and file.
func configOf(t *testing.T, flags settings, env map[string]string, file string) (daemon.Config, error) {
	t.Helper()
	path := ""
	if file != "" {
		path = filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := &app{err: new(bytes.Buffer), getenv: func(name string) string { return env[name] }}
	return a.config(flags, path)
}

func TestSettingsComeFromTheNearestSource(t *testing.T) {
	yes, no, off := true, false, "off"
	file := `
data = "/from/file"
listen = ["/ip4/127.0.0.1/tcp/1"]
bootstrap = ["file"]
ui = "off"
no-mdns = true
readReceipts = false
log-level = "error"
`
	for _, c := range []struct {
		name  string
		flags settings
		env   map[string]string
		file  string
		want  daemon.Config
	}{
		{"nothing", settings{}, map[string]string{"HOME": "/home/a"}, "",
			daemon.Config{DataDir: "/home/a/.local/share/p2pmsgd", MDNS: true, ReadReceipts: true}},
		{"XDG", settings{}, map[string]string{"HOME": "/home/a", "XDG_DATA_HOME": "/xdg"}, "",
			daemon.Config{DataDir: "/xdg/p2pmsgd", MDNS: true, ReadReceipts: true}},
		{"file", settings{}, nil, file,
			daemon.Config{DataDir: "/from/file", Listen: []string{"/ip4/127.0.0.1/tcp/1"}, Bootstrap: []string{"file"}}},
		{"environment over file", settings{},
			map[string]string{"P2PMSG_DATA": "/from/env", "P2PMSG_LISTEN": "a, b", "P2PMSG_NO_MDNS": "false", "P2PMSG_READ_RECEIPTS": "1"}, file,
			daemon.Config{DataDir: "/from/env", Listen: []string{"a", "b"}, Bootstrap: []string{"file"}, MDNS: true, ReadReceipts: true}},
		{"flags over all", settings{Listen: []string{"flag"}, NoMDNS: &yes, ReadReceipts: &no, UI: &off},
			map[string]string{"P2PMSG_DATA": "/d", "P2PMSG_LISTEN": "env", "P2PMSG_NO_MDNS": "false", "P2PMSG_BOOTSTRAP": "env"}, "",
			daemon.Config{DataDir: "/d", Listen: []string{"flag"}, Bootstrap: []string{"env"}}},
	} {
		got, err := configOf(t, c.flags, c.env, c.file)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got.DataDir != c.want.DataDir || !reflect.DeepEqual(got.Listen, c.want.Listen) || !reflect.DeepEqual(got.Bootstrap, c.want.Bootstrap) ||
			got.MDNS != c.want.MDNS || got.ReadReceipts != c.want.ReadReceipts {
			t.Errorf("%s: data %q listen %q bootstrap %q mDNS %v receipts %v, want %+v", c.name, got.DataDir, got.Listen, got.Bootstrap, got.MDNS, got.ReadReceipts, c.want)
		}
	}
}

func TestSettingsWithoutAHome(t *testing.T) {
	if _, err := configOf(t, settings{}, nil, ""); err == nil || !strings.Contains(err.Error(), "no data folder") {
		t.Errorf("got %v", err)
	}
}
