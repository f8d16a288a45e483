// The stored form of a session (spec/ratchet.md#session-state). There is no
// decoder: what is written here is read by the other implementation.
import { concat, u16, u32, u8, zeros } from './bytes.js';
import { CT, EK } from './lane.js';

const NONE = zeros(32);
const FLAG = { initiator: 1, dhs: 2, fresh: 4, prefix: 8, seed: 16, peerKey: 32, sendsKey: 64, sendsCt: 128 };
const BLOCK = 64;

const key = (k) => k ?? NONE;
const chain = (c) => (c ? concat(u32(c.id), key(c.key), u32(c.n)) : zeros(40));

function flagsOf(s) {
  const out = s.lane.out?.kind;
  const set = { initiator: s.initiator, dhs: s.dhs, fresh: s.fresh, prefix: s.prefix, seed: s.lane.seed,
    peerKey: s.lane.peerKey, sendsKey: out === EK, sendsCt: out === CT };
  return Object.entries(FLAG).reduce((sum, [name, bit]) => sum + (set[name] ? bit : 0), 0);
}

/** Step s stands at place s mod 4. */
function resumeKeys(xks) {
  const places = [NONE, NONE, NONE, NONE];
  for (const x of xks) places[x.step % 4] = x.key;
  return concat(...places);
}

function skipped(store) {
  const blocks = new Map();
  for (const k of store.values()) {
    const first = k.n - (k.n % BLOCK);
    const name = `${k.id}:${first}`;
    if (!blocks.has(name)) blocks.set(name, { id: k.id, first, mask: 0n, keys: [] });
    const b = blocks.get(name);
    b.mask |= 1n << BigInt(k.n - first);
    b.keys.push(k.key);
  }
  const parts = [...blocks.values()].map((b) => concat(u32(b.id), u32(b.first), u64(b.mask), ...b.keys));
  return concat(u16(blocks.size), ...parts);
}

const u64 = (x) => concat(u32(Number(x >> 32n)), u32(Number(x & 0xffffffffn)));

function laneBytes(lane) {
  const { out, got } = lane;
  return concat(lane.root, u32(lane.newest), chain(lane.send), chain(lane.recv), key(lane.nextSend), key(lane.nextRecv),
    u32(lane.pqPn), lane.seed ?? zeros(0), lane.peerKey ?? zeros(0),
    out ? concat(u32(out.epoch), out.tag, u8(out.next), out.object) : zeros(0),
    u8(got.pieces.length), got.tag, ...got.pieces.map((p) => concat(u8(p.idx), p.chunk)), skipped(lane.skipped));
}

export function encodeState(s) {
  return concat(u8(1), u16(flagsOf(s)), s.sid, s.th1, s.prefixId, s.own, s.peer, s.tk, s.rk, u32(s.steps),
    s.dhs ? concat(s.dhs.secret, s.dhs.public) : zeros(0), key(s.dhr), chain(s.send), chain(s.recv),
    key(s.hks), key(s.hkr), key(s.nhks), key(s.nhkr), u32(s.pn), resumeKeys(s.xks),
    u8(s.old.length), ...s.old.map((o) => concat(u32(o.id), o.key)), skipped(s.skipped),
    laneBytes(s.lane), s.prefix ? concat(u16(s.prefix.length), s.prefix) : zeros(0));
}
