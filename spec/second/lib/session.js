// A session: the Double Ratchet with encrypted headers (spec/ratchet.md), with
// the lane beside it. Sessions are values: seal and open return the next one.
import { Reader, allZero, concat, cut, padTo, same, u32, u8, zeros } from './bytes.js';
import { KDF, L, X, publicKey, seal as encrypt, unseal } from './crypto.js';
import { INIT, bodyLength, head, kindOf, messageOf, parseInit } from './envelope.js';
import { CHUNK } from './erasure.js';
import { corrupt, duplicate, exhausted, notMine } from './faults.js';
import { CONTROL, decodeHeader, encodeHeader } from './header.js';
import { copyLane, firstLane, nextPiece, prepare, recvKey, sendKey, takePiece } from './lane.js';
import { dropChain, holds, keyOf, putAside, step } from './skipped.js';

const MAX_SKIP = 1000;
const MAX_OLD = 5;
const LAST = 2 ** 31 - 1;
/** Further pieces in a control message. */
const EXTRA = 2;

const common = (k) => ({ sid: k.sid, th1: k.th1, tk: k.tk, prefixId: k.prefixId, own: k.own, peer: k.peer,
  rk: k.rk0, steps: 0, send: { id: 0, key: null, n: 0 }, recv: null, fresh: false, pn: 0, hks: null, hkr: null,
  xks: [], old: [], skipped: new Map() });

export const firstOfInitiator = (k) => ({ ...common(k), initiator: true, prefix: k.prefix,
  dhs: null, dhr: k.spk, nhks: k.hka, nhkr: k.nhkb, lane: firstLane(true, k.sid, k.pqk0, { seed: k.seed }) });

export const firstOfResponder = (k) => ({ ...common(k), initiator: false, prefix: null,
  dhs: { secret: k.spkSecret, public: publicKey(k.spkSecret) }, dhr: null, nhks: k.nhkb, nhkr: k.hka,
  lane: firstLane(false, k.sid, k.pqk0, { peerKey: k.dkem }) });

const copy = (s) => ({ ...s, skipped: new Map(s.skipped), lane: copyLane(s.lane) });

/** One step of the root: the chain it gives, and what is new in the session. */
function rootStep(s, dhs, dhr) {
  const [rk, key, nhk, xk] = cut(KDF(s.rk, X(dhs.secret, dhr), 'dr-root', zeros(0), 128), 32, 32, 32, 32);
  const steps = s.steps + 1;
  const xks = [...s.xks, { step: steps, key: xk }].slice(-4);
  return { rk, nhk, chain: { id: steps, key, n: 0 }, steps, xks };
}

function sendingTurn(s, draw) {
  const secret = draw(32);
  const dhs = { secret, public: publicKey(secret) };
  const { nhk, chain, ...root } = rootStep(s, dhs, s.dhr);
  return { ...s, ...root, dhs, pn: s.send.n, send: chain, fresh: true, hks: s.nhks, nhks: nhk };
}

/** A key for which X25519 fails is a fault of the message. */
function receivingStep(s, dh) {
  try {
    return rootStep(s, s.dhs, dh);
  } catch {
    throw corrupt('ratchet key');
  }
}

function receivingTurn(s, h) {
  if (!s.recv && h.pn !== 0) throw corrupt('pn before a chain');
  if (s.recv && h.pn < s.recv.n) throw corrupt('pn below what arrived');
  if (s.recv) putAside(s.skipped, s.recv, h.pn, MAX_SKIP);
  const old = s.recv ? closeChain(s) : s.old;
  const { nhk, chain, ...root } = receivingStep(s, h.dh);
  return { ...s, ...root, old, dhr: h.dh, recv: chain, hkr: s.nhkr, nhkr: nhk,
    send: { ...s.send, key: null }, fresh: false }; // its length is the next chain's pn
}

/** Keeps the header key of a chain with keys aside, for at most five chains. */
function closeChain(s) {
  const old = [...s.old, { id: s.recv.id, key: s.hkr }].filter((o) => holds(s.skipped, o.id));
  if (old.length > MAX_OLD) dropChain(s.skipped, old.shift().id);
  return old;
}

function messageKey(s, dmk, pmk) {
  const [mk, receipt] = cut(KDF(pmk, dmk, 'dr-mk', s.sid, 48), 32, 16);
  return { dmk, pmk, mk, receipt };
}

const headerAd = (s) => concat(L('dr-head'), s.sid);
const bodyAd = (s, sender, header) => concat(L('dr-body'), s.th1, s.sid, sender, header);

/** Seals content. Returns {session, envelope, receipt, header and keys for the vectors}. */
export function seal(before, draw, content) {
  const s = begin(before, draw);
  return finish(s, draw, headerOf(s, 0), content);
}

/** Seals a message of the ratchet itself: all pieces that are of use. */
export function sealControl(before, draw) {
  const s = begin(before, draw);
  const h = headerOf(s, CONTROL);
  const content = extraPieces(s);
  return finish(s, draw, h, content);
}

/**
 * Seals what an honest device would not, to test the other end: fields of the
 * header are replaced by those of `change`, and the body's plaintext by `body`.
 */
export function forge(before, draw, body, change) {
  const s = begin(before, draw);
  const h = headerOf(s, 0);
  return finish(s, draw, { ...h, ...change, piece: { ...h.piece, ...change.piece } }, zeros(0), body);
}

/** A copy that is ready to seal. The functions below may change it. */
function begin(before, draw) {
  const s = copy(before.fresh ? before : sendingTurn(before, draw));
  s.lane = prepare(s.lane, draw);
  if (s.send.n >= LAST || s.lane.send.n >= LAST) throw exhausted();
  return s;
}

function headerOf(s, flags) {
  return { dh: s.dhs.public, pn: s.pn, n: s.send.n, pqEpoch: s.lane.send.id, pqIdx: s.lane.send.n, pqPn: s.lane.pqPn,
    flags, piece: takeNext(s) };
}

function takeNext(s) {
  const [piece, lane] = nextPiece(s.lane);
  s.lane = lane;
  return piece;
}

function extraPieces(s) {
  const parts = [];
  for (let i = 0; i < EXTRA && s.lane.out; i++) {
    const piece = takeNext(s);
    parts.push(u8(piece.idx), piece.chunk);
  }
  return concat(...parts);
}

function finish(s, draw, h, content, body = padBody(s, content)) {
  const [dmk, send] = step(s.send);
  const [pmk, lane] = sendKey(s.lane);
  const keys = messageKey(s, dmk, pmk);
  const nonce = draw(24);
  const header = encrypt(s.hks, nonce, encodeHeader(h), headerAd(s));
  const envelope = concat(head(s.prefix), nonce, header, encrypt(keys.mk, nonce, body, bodyAd(s, s.own, header)));
  return { session: { ...s, send, lane }, envelope, header: h, ...keys };
}

const padBody = (s, content) => padTo(concat(u32(content.length), content), bodyLength(s.prefix, content.length));

/** Opens an envelope. Returns {session, content, receipt, control}; throws a Fault and changes nothing. */
export function open(before, env) {
  if (kindOf(env) === INIT && !same(parseInit(env).id, before.prefixId)) throw notMine();
  const m = messageOf(env);
  const found = openHeader(before, m);
  const { s, chainId } = turn(copy(before), found);
  const [dmk, recv] = keyOf(s.skipped, s.recv, chainId, found.h.n, MAX_SKIP);
  if (!dmk) throw duplicate();
  const [pmk, lane] = recvKey(s.lane, found.h);
  if (!pmk) throw duplicate();
  const { mk, receipt } = messageKey(s, dmk, pmk);
  const body = unseal(mk, m.nonce, m.body, bodyAd(s, s.peer, m.header));
  if (!body) throw corrupt('body');
  const content = unpadBody(body);
  const pieces = piecesOf(found.h, content);
  const session = { ...s, recv, prefix: null, lane: pieces.reduce(takePiece, lane),
    old: s.old.filter((o) => holds(s.skipped, o.id)) };
  const control = Boolean(found.h.flags & CONTROL);
  return { session, receipt, control, content: control ? zeros(0) : content };
}

/** The header, and which of the header keys opened it: 'recv', 'next', or an earlier chain's number. */
function openHeader(s, m) {
  const keys = [['recv', s.hkr], ['next', s.nhkr], ...s.old.map((o) => [o.id, o.key]).reverse()];
  for (const [by, key] of keys) {
    const plain = key && unseal(key, m.nonce, m.header, headerAd(s));
    const h = plain && decodeHeader(plain);
    if (h) return { h, by };
  }
  throw notMine();
}

function turn(s, { h, by }) {
  if (by === 'next') s = receivingTurn(s, h);
  else if (by === 'recv' && !same(h.dh, s.dhr)) throw corrupt('dh of another chain');
  return { s, chainId: by === 'recv' || by === 'next' ? s.recv.id : by };
}

function unpadBody(body) {
  const r = new Reader(body);
  const n = r.u32();
  if (n > body.length - 4) throw corrupt('length');
  const content = r.take(n);
  if (!allZero(r.rest())) throw corrupt('padding');
  return content;
}

/** All pieces a message carries. */
function piecesOf(h, content) {
  if (!(h.flags & CONTROL)) return [h.piece];
  const count = content.length / (1 + CHUNK);
  if (!Number.isInteger(count) || count > EXTRA) throw corrupt('control message');
  const r = new Reader(content);
  const more = Array.from({ length: count }, () => ({ ...h.piece, idx: r.u8(), chunk: r.take(CHUNK) }));
  return [h.piece, ...more];
}

export const laneEpoch = (s) => s.lane.send.id;
