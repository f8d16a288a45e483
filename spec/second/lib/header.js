// The 464 bytes of a header (spec/ratchet.md#header).
import { Reader, concat, u16, u32, u8, zeros } from './bytes.js';
import { CHUNK } from './erasure.js';

export const CONTROL = 1;
export const NO_PIECE = { kind: 0, idx: 0, epoch: 0, tag: zeros(4), chunk: zeros(CHUNK) };

const TOO_BIG = 2 ** 31;

export const encodeHeader = (h) => concat(h.dh, u32(h.pn), u32(h.n), u32(h.pqEpoch), u32(h.pqIdx), u32(h.pqPn),
  u8(h.piece.kind), u8(h.piece.idx), u32(h.piece.epoch), u16(h.flags), h.piece.tag, h.piece.chunk);

/** The header, or null when a number in it is out of range. */
export function decodeHeader(b) {
  const r = new Reader(b);
  const h = { dh: r.take(32), pn: r.u32(), n: r.u32(), pqEpoch: r.u32(), pqIdx: r.u32(), pqPn: r.u32() };
  const piece = { kind: r.u8(), idx: r.u8(), epoch: r.u32() };
  h.flags = r.u16();
  h.piece = { ...piece, tag: r.take(4), chunk: r.take(CHUNK) };
  return [h.pn, h.n, h.pqEpoch, h.pqIdx, h.pqPn].some((x) => x >= TOO_BIG) ? null : h;
}
