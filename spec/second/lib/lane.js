// The post-quantum lane (spec/ratchet.md#post-quantum-lane). A lane is a plain
// object; functions return a new one and share what has not changed.
import { allZero, concat, cut, same, u32, zeros } from './bytes.js';
import { H, KDF, KEM768, L } from './crypto.js';
import { NEEDED, piece, restore } from './erasure.js';
import { corrupt } from './faults.js';
import { NO_PIECE } from './header.js';
import { keyOf, putAside, step } from './skipped.js';

export const EK = 1;
export const CT = 2;

const MAX_SKIP = 2000;
const NOTHING = { tag: zeros(4), pieces: [] };

const hashEk = (ek) => H(L('lane-ek'), ek);
const hashCt = (hEk, ct) => H(L('lane-ct'), hEk, ct);
const tagOf = (h) => h.slice(0, 4);

/** Root of epoch t and its chain keys, as [root, sending, receiving]. */
function epochKeys(initiator, root, t, ss, hEk, hCt, sid) {
  const [next, ab, ba] = cut(KDF(root, ss, 'lane-root', concat(u32(t), hEk, hCt, sid), 96), 32, 32, 32);
  return initiator ? [next, ab, ba] : [next, ba, ab];
}

/** Epoch 0. A has the seed of epoch 1's key, B has the key itself. */
export function firstLane(initiator, sid, pqk0, { seed = null, peerKey = null }) {
  const none = zeros(32);
  const [root, sendKey, recvKey] = epochKeys(initiator, pqk0, 0, none, none, none, sid);
  return {
    initiator, sid, root, newest: 0,
    send: { id: 0, key: sendKey, n: 0 }, recv: { id: 0, key: recvKey, n: 0 },
    nextSend: null, nextRecv: null, pqPn: 0,
    seed, peerKey, out: null, got: NOTHING, skipped: new Map(),
  };
}

export const copyLane = (lane) => ({ ...lane, skipped: new Map(lane.skipped) });

/** A's key leads to odd epochs, B's to even ones. */
const ownsKey = (lane, t) => (t % 2 === 1) === lane.initiator;

/** Makes the newest epoch from a secret; both chains stay behind it for now. */
function enter(lane, ss, hEk, hCt) {
  const t = lane.newest + 1;
  const [root, nextSend, nextRecv] = epochKeys(lane.initiator, lane.root, t, ss, hEk, hCt, lane.sid);
  return { ...lane, root, newest: t, nextSend, nextRecv, got: NOTHING };
}

function sendInNewest(lane) {
  if (lane.send.id === lane.newest) return lane;
  return { ...lane, pqPn: lane.send.n, send: { id: lane.newest, key: lane.nextSend, n: 0 }, nextSend: null, out: null };
}

/** What a message that is about to be sealed does first: answer a key or offer one. */
export function prepare(lane, draw) {
  if (lane.peerKey) return answer(lane, draw(32));
  const t = lane.newest + 1;
  const settled = lane.send.id === lane.newest && lane.recv.id === lane.newest;
  if (settled && ownsKey(lane, t) && !lane.seed) return offer(lane, t, draw(64));
  return lane;
}

function answer(lane, m) {
  const [ss, ct] = KEM768.encaps(lane.peerKey, m);
  const hEk = hashEk(lane.peerKey);
  const hCt = hashCt(hEk, ct);
  const out = { kind: CT, epoch: lane.newest + 1, tag: tagOf(hCt), next: 0, object: ct };
  return { ...enter(lane, ss, hEk, hCt), peerKey: null, out };
}

function offer(lane, t, seed) {
  const ek = KEM768.encapsulationKey(seed);
  return { ...lane, seed, out: { kind: EK, epoch: t, tag: tagOf(hashEk(ek)), next: 0, object: ek } };
}

/** The next piece of what is being sent. */
export function nextPiece(lane) {
  if (!lane.out) return [NO_PIECE, lane];
  const { kind, epoch, tag, next, object } = lane.out;
  const p = { kind, epoch, tag, idx: next, chunk: piece(object, next) };
  return [p, { ...lane, out: { ...lane.out, next: (next + 1) % 256 } }];
}

/** The key of the next message sent. */
export function sendKey(lane) {
  const [pmk, send] = step(lane.send);
  return [pmk, { ...lane, send }];
}

/** The key of a message that arrived, null if it is gone. Changes lane.skipped, so give it a copy. */
export function recvKey(lane, h) {
  if (h.pqEpoch > lane.newest) throw corrupt('unknown epoch');
  const here = h.pqEpoch > lane.recv.id ? closeEpoch(lane, h.pqPn) : lane;
  const [pmk, recv] = keyOf(here.skipped, here.recv, h.pqEpoch, h.pqIdx, MAX_SKIP);
  return [pmk, { ...here, recv }];
}

/** The first message in the newest epoch: the one before is over, in both directions. */
function closeEpoch(lane, pqPn) {
  if (pqPn < lane.recv.n) throw corrupt('pq_pn below what arrived');
  putAside(lane.skipped, lane.recv, pqPn, MAX_SKIP);
  return sendInNewest({ ...lane, recv: { id: lane.newest, key: lane.nextRecv, n: 0 }, nextRecv: null });
}

/** Takes a piece out of an authentic message. Pieces that are of no use are ignored. */
export function takePiece(lane, p) {
  const t = lane.newest + 1;
  if (p.epoch !== t || lane.recv.id !== lane.newest) return lane;
  if (p.kind === EK && !ownsKey(lane, t) && !lane.peerKey) return collect(lane, p, wholeKey);
  if (p.kind === CT && ownsKey(lane, t) && lane.seed) return collect({ ...lane, out: null }, p, wholeCiphertext);
  return lane;
}

function collect(lane, p, whole) {
  const before = same(lane.got.tag, p.tag) ? lane.got.pieces : [];
  if (before.some((x) => x.idx === p.idx)) return lane;
  const pieces = [...before, { idx: p.idx, chunk: p.chunk }];
  if (pieces.length < NEEDED) return { ...lane, got: { tag: p.tag, pieces } };
  return whole({ ...lane, got: NOTHING }, restore(pieces), p.tag);
}

/** The object without its padding, or null if the padding is not zero. */
const unpad = (b, n) => (allZero(b.subarray(n)) ? b.slice(0, n) : null);

function wholeKey(lane, padded, tag) {
  const ek = unpad(padded, KEM768.ekLength);
  if (!ek || !same(tagOf(hashEk(ek)), tag) || !KEM768.canonical(ek)) return lane;
  return { ...lane, peerKey: ek };
}

function wholeCiphertext(lane, padded, tag) {
  const ct = unpad(padded, KEM768.ctLength);
  const hEk = hashEk(KEM768.encapsulationKey(lane.seed));
  const hCt = ct && hashCt(hEk, ct);
  if (!ct || !same(tagOf(hCt), tag)) return lane;
  return sendInNewest({ ...enter(lane, KEM768.decaps(lane.seed, ct), hEk, hCt), seed: null });
}
