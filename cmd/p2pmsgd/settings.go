package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// settings are what can be set for the daemon, from one source. A nil or empty
// one is not set there.
type settings struct {
	Data         string   `toml:"data"`
	Listen       []string `toml:"listen"`
	Bootstrap    []string `toml:"bootstrap"`
	UI           *string  `toml:"ui"`
	NoMDNS       *bool    `toml:"no-mdns"`
	ReadReceipts *bool    `toml:"readReceipts"`
	LogLevel     *string  `toml:"log-level"`
}

// settings merges the sources: flags over environment over file.
func (a *app) settings(flags settings, file string) (settings, error) {
	env, err := envSettings(a.getenv)
	if err != nil {
		return settings{}, err
	}
	if file == "" {
		file = a.getenv("P2PMSG_CONFIG")
	}
	var stored settings
	if file != "" {
		if stored, err = readSettings(file); err != nil {
			return settings{}, err
		}
	}
	if env.Data != "" {
		stored.Data = "" // dataDir looks at the environment by itself
	}
	return flags.over(env).over(stored), nil
}

// over returns s, and what s does not set from below.
func (s settings) over(below settings) settings {
	if s.Data == "" {
		s.Data = below.Data
	}
	if len(s.Listen) == 0 {
		s.Listen = below.Listen
	}
	if len(s.Bootstrap) == 0 {
		s.Bootstrap = below.Bootstrap
	}
	s.UI = first(s.UI, below.UI)
	s.NoMDNS = first(s.NoMDNS, below.NoMDNS)
	s.ReadReceipts = first(s.ReadReceipts, below.ReadReceipts)
	s.LogLevel = first(s.LogLevel, below.LogLevel)
	return s
}

func first[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// check refuses what this release cannot do, and returns the level of the log.
func (s settings) check() (level slog.Level, err error) {
	if s.UI != nil && *s.UI != "off" {
		return level, usage("ui: this release has no companion page yet: leave it out, or say off")
	}
	level = slog.LevelWarn
	if s.LogLevel != nil && level.UnmarshalText([]byte(*s.LogLevel)) != nil {
		return level, usage("log level %q: there are debug, info, warn and error", *s.LogLevel)
	}
	return level, nil
}

// readSettings reads a TOML file. A key it does not know is an error: a setting
// with a slip in its name must not be ignored.
func readSettings(file string) (s settings, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return s, fmt.Errorf("config: %w", err)
	}
	err = toml.NewDecoder(bytes.NewReader(raw)).DisallowUnknownFields().Decode(&s)
	if unknown, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		e := unknown.Errors[0]
		row, _ := e.Position()
		return s, usage("%s:%d: there is no setting %q", file, row, strings.Join(e.Key(), "."))
	}
	if bad, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, _ := bad.Position()
		return s, usage("%s:%d: %s", file, row, strings.TrimPrefix(bad.Error(), "toml: "))
	}
	if err != nil {
		return s, usage("%s: %v", file, err)
	}
	return s, nil
}

// envSettings reads the environment.
func envSettings(getenv func(string) string) (s settings, err error) {
	s.Data = getenv("P2PMSG_DATA")
	s.Listen = list(getenv("P2PMSG_LISTEN"))
	s.Bootstrap = list(getenv("P2PMSG_BOOTSTRAP"))
	s.UI = text(getenv("P2PMSG_UI"))
	s.LogLevel = text(getenv("P2PMSG_LOG_LEVEL"))
	if s.NoMDNS, err = yes(getenv, "P2PMSG_NO_MDNS"); err != nil {
		return s, err
	}
	s.ReadReceipts, err = yes(getenv, "P2PMSG_READ_RECEIPTS")
	return s, err
}

func list(s string) (out []string) {
	for _, x := range strings.Split(s, ",") {
		if x = strings.TrimSpace(x); x != "" {
			out = append(out, x)
		}
	}
	return out
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func yes(getenv func(string) string, name string) (*bool, error) {
	s := getenv(name)
	if s == "" {
		return nil, nil
	}
	v, err := strconv.ParseBool(s)
	if err != nil {
		return nil, usage("%s=%q: say true or false", name, s)
	}
	return &v, nil
}
