// The plaintext of the sealed identity (spec/handshake.md#sealed-identity).
import { Reader, allZero, concat, padTo, u16, u32, u8, zeros } from './bytes.js';
import { handshake } from './faults.js';

export const PSK_NONE = 0;
const PSK_RESUME = 2; // 1 is a secret agreed on elsewhere

const MAX_TOKEN = 32;
const MAX_IDENTITY = 6144;
const BLOCK = 512;

export function encodeIdentity({ psk, manifest, token, identity }) {
  if (token.length > MAX_TOKEN || identity.length > MAX_IDENTITY) throw handshake('too long');
  const b = concat(u8(psk.kind), psk.session, u32(psk.step), manifest,
    u8(token.length), padTo(token, MAX_TOKEN), u16(identity.length), identity);
  return padTo(b, Math.ceil(b.length / BLOCK) * BLOCK);
}

export function decodeIdentity(b) {
  const r = new Reader(b);
  const psk = { kind: r.u8(), session: r.take(32), step: r.u32() };
  const manifest = r.take(32);
  const tokenLength = r.u8();
  const token = r.take(MAX_TOKEN);
  const identityLength = r.u16();
  if (psk.kind > PSK_RESUME || tokenLength > MAX_TOKEN || identityLength > MAX_IDENTITY) throw handshake('range');
  if (psk.kind !== PSK_RESUME && (psk.step !== 0 || !allZero(psk.session))) throw handshake('resume key named');
  const identity = r.take(identityLength);
  const padding = r.rest();
  if (padding.length >= BLOCK || !allZero(padding) || !allZero(token.slice(tokenLength))) throw handshake('padding');
  return { psk, manifest, token: token.slice(0, tokenLength), identity };
}

export const noPsk = () => ({ kind: PSK_NONE, session: zeros(32), step: 0 });
