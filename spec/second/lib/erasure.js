// The erasure code of spec/ratchet.md#erasure-code: bytes of three chunks are
// values of a polynomial of degree below three over GF(2^8).
import { concat, padTo, zeros } from './bytes.js';

export const CHUNK = 400;
export const NEEDED = 3;

const EXP = new Uint8Array(510);
const LOG = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i++) {
  EXP[i] = EXP[i + 255] = x;
  LOG[x] = i;
  x = (x << 1) ^ (x & 0x80 ? 0x11d : 0);
}

const mul = (a, b) => (a && b ? EXP[LOG[a] + LOG[b]] : 0);
const div = (a, b) => (a ? EXP[LOG[a] + 255 - LOG[b]] : 0);

/** The value at `at` of the polynomials through the given points, each {idx, chunk}. */
function interpolate(points, at) {
  const out = zeros(CHUNK);
  for (const { idx, chunk } of points) {
    let weight = 1;
    for (const other of points) {
      if (other.idx !== idx) weight = mul(weight, div(at ^ other.idx, idx ^ other.idx));
    }
    for (let i = 0; i < CHUNK; i++) out[i] ^= mul(weight, chunk[i]);
  }
  return out;
}

/** Piece number idx of an object. */
export function piece(object, idx) {
  const padded = padTo(object, NEEDED * CHUNK);
  const data = [0, 1, 2].map((i) => ({ idx: i, chunk: padded.subarray(i * CHUNK, (i + 1) * CHUNK) }));
  return idx < NEEDED ? data[idx].chunk.slice() : interpolate(data, idx);
}

/** The padded object, from three pieces of different numbers. */
export const restore = (pieces) => concat(...[0, 1, 2].map((i) => interpolate(pieces, i)));
