// Envelopes of both kinds: lengths, and the clear part of a handshake
// (spec/handshake.md#wire-format, spec/ratchet.md#wire-format).
import { Reader, concat, u16, u32, u8 } from './bytes.js';
import { H, KEM1024, KEM768, L } from './crypto.js';
import { malformed, tooBig } from './faults.js';

export const INIT = 1;
const MESSAGE = 2;
export const SUITE = 1;

const SIZES = [1024, 2048, 4096, 8192, 16384, 32768, 65536];
const MIN_INIT = 8192;
/** N, header, and a body without content. */
const MIN_MESSAGE = 24 + 480 + 4 + 16;
const FIXED_PREFIX = 2710;

/** The kind of an envelope whose length is one of its kind. */
export function kindOf(env) {
  const [kind] = env;
  if (!SIZES.includes(env.length)) throw malformed('length');
  if (kind !== INIT && kind !== MESSAGE) throw malformed('kind');
  if (kind === INIT && env.length < MIN_INIT) throw malformed('short init');
  return kind;
}

/** What stands before the message: the prefix, or one byte. */
export const head = (prefix) => prefix ?? u8(MESSAGE);

/** Length of the body's plaintext in the smallest envelope that holds n bytes. */
export function bodyLength(prefix, n) {
  const overhead = head(prefix).length + MIN_MESSAGE;
  const size = SIZES.find((s) => s >= overhead + n && (!prefix || s >= MIN_INIT));
  if (!size) throw tooBig();
  return size - overhead + 4;
}

/** Clear part of the prefix, up to and with ct_i. */
export function clearPart(p) {
  return concat(u8(INIT), u16(SUITE), u8(p.opkId === null ? 0 : 1), u32(p.spkId), u32(p.opkId ?? 0),
    p.work, p.ek, p.ctS, p.ctI);
}

/** Reads and checks the form of an init envelope; no key is needed. */
export function parseInit(env) {
  if (kindOf(env) !== INIT) throw malformed('not an init envelope');
  const r = new Reader(env);
  r.u8();
  const suite = r.u16();
  const flags = r.u8();
  const p = { spkId: r.u32(), opkId: r.u32(), work: r.take(8), ek: r.take(32),
    ctS: r.take(KEM1024.ctLength), ctI: r.take(KEM768.ctLength) };
  const sealedLength = r.u16();
  if (suite !== SUITE || flags > 1 || (flags === 0 && p.opkId !== 0)) throw malformed('clear part');
  if (flags === 0) p.opkId = null;
  const blocks = (sealedLength - 40) / 512;
  if (!Number.isInteger(blocks) || blocks < 1 || blocks > 13) throw malformed('sealed_len');
  if (FIXED_PREFIX + sealedLength + MIN_MESSAGE > env.length) throw malformed('no room for a message');
  p.sealed = r.take(sealedLength);
  p.bytes = env.slice(0, FIXED_PREFIX + sealedLength);
  p.id = prefixId(p.ek, p.ctS);
  return p;
}

export const prefixId = (ek, ctS) => H(L('hs-prefix'), ek, ctS);

/** N, header and body of an envelope of either kind. */
export function messageOf(env) {
  const at = kindOf(env) === MESSAGE ? 1 : parseInit(env).bytes.length;
  const r = new Reader(env.slice(at));
  return { nonce: r.take(24), header: r.take(480), body: r.rest() };
}
