// One side of conversations with another implementation, over JSON lines: a
// request a line on stdin, an answer a line on stdout. Byte strings are in
// base64. Sessions are kept by name. See interop_test.go for the other end.
import { createInterface } from 'node:readline';
import { concat, u32, zeros } from './lib/bytes.js';
import { H } from './lib/crypto.js';
import { Fault } from './lib/faults.js';
import { accept, initiate, respond, wins } from './lib/handshake.js';
import { forge, laneEpoch, open, seal, sealControl } from './lib/session.js';
import { encodeState } from './lib/state.js';

const b64 = (b) => Buffer.from(b).toString('base64');
const unb64 = (s) => new Uint8Array(Buffer.from(s ?? '', 'base64'));

/** Random bytes that the other end can draw as well: H(seed || 0) || H(seed || 1) || ... */
function stream(seed) {
  let block = 0;
  let ready = zeros(0);
  const draw = (n) => {
    while (ready.length < n) ready = concat(ready, H(seed, u32(block++)));
    const out = ready.slice(0, n);
    ready = ready.slice(n);
    draw.count += n;
    return out;
  };
  draw.count = 0;
  return draw;
}

/** Turns every string of an object into bytes. */
function bytesOf(o) {
  if (o === null || typeof o !== 'object') return typeof o === 'string' ? unb64(o) : o;
  return Object.fromEntries(Object.entries(o).map(([k, v]) => [k, bytesOf(v)]));
}

const sessions = new Map();
const draws = new Map();

/** Keeps the session that follows, and tells what the other end may compare. */
function keep(name, session, answer = {}) {
  sessions.set(name, session);
  return { ...answer, drawn: draws.get(name)?.count, epoch: laneEpoch(session), state: b64(H(encodeState(session))) };
}

const made = (name, m) => keep(name, m.session, { envelope: b64(m.envelope), receipt: b64(m.receipt) });

const opened = (name, m) => keep(name, m.session, { content: b64(m.content), receipt: b64(m.receipt), control: m.control });

const operations = {
  initiate({ name, seed, self, peer, options }) {
    draws.set(name, stream(unb64(seed)));
    return keep(name, initiate(draws.get(name), bytesOf(self), bytesOf(peer), bytesOf(options)));
  },
  respond({ name, seed, self, prekeys, peer, psk, envelope }) {
    draws.set(name, stream(unb64(seed)));
    const pending = respond(bytesOf(self), bytesOf(prekeys), unb64(envelope));
    const m = accept(pending, bytesOf(peer), psk ? unb64(psk) : null);
    const read = { identity: b64(pending.identity), token: b64(pending.token), manifest: b64(pending.manifest),
      pskKind: pending.psk.kind, pskSession: b64(pending.psk.session), pskStep: pending.psk.step };
    return { ...opened(name, m), ...read };
  },
  seal: ({ name, content }) => made(name, seal(sessions.get(name), draws.get(name), unb64(content))),
  control: ({ name }) => made(name, sealControl(sessions.get(name), draws.get(name))),
  // The state stays: the other end must not need to know what was forged.
  forge({ name, body, change }) {
    const m = forge(sessions.get(name), draws.get(name), body ? unb64(body) : undefined, bytesOf(change ?? {}));
    return { envelope: b64(m.envelope), drawn: draws.get(name).count };
  },
  open: ({ name, envelope }) => opened(name, open(sessions.get(name), unb64(envelope))),
  // A session is a value, so an old state comes back by name.
  save: ({ name }) => keep(`${name} saved`, sessions.get(name)),
  restore: ({ name }) => keep(name, sessions.get(`${name} saved`)),
  wins: ({ name }) => ({ wins: wins(sessions.get(name), sessions.get(`${name} saved`)) }),
  state: ({ name }) => ({ whole: b64(encodeState(sessions.get(name))) }),
  forgetAll() {
    sessions.clear();
    draws.clear();
    return {};
  },
};

function answer(line) {
  const request = JSON.parse(line);
  try {
    return operations[request.op](request);
  } catch (e) {
    if (!(e instanceof Fault)) throw e; // a bug: die loudly
    return { error: e.kind };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(answer(line))}\n`);
}
