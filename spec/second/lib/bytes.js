// Byte strings as the documents write them: concatenation, big-endian integers.
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';

export const concat = concatBytes;
export const hex = bytesToHex;
export const unhex = hexToBytes;
export const ascii = utf8ToBytes;
export const zeros = (n) => new Uint8Array(n);

export const u8 = (x) => Uint8Array.of(x);
export const u16 = (x) => Uint8Array.of(x >>> 8, x);
export const u32 = (x) => Uint8Array.of(x >>> 24, x >>> 16, x >>> 8, x);

export const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
export const allZero = (b) => b.every((x) => x === 0);

/** b followed by zeros, n bytes in all. */
export function padTo(b, n) {
  const out = zeros(n);
  out.set(b);
  return out;
}

/** Cuts b into pieces of the given widths; the widths must use it up. */
export function cut(b, ...widths) {
  const r = new Reader(b);
  const out = widths.map((w) => r.take(w));
  r.end();
  return out;
}

/** Reader takes fixed fields from a byte string and refuses to run over. */
export class Reader {
  constructor(b) {
    this.b = b;
    this.at = 0;
  }

  take(n) {
    if (this.at + n > this.b.length) throw new RangeError('too short');
    this.at += n;
    return this.b.slice(this.at - n, this.at);
  }

  uint(width) {
    return this.take(width).reduce((x, byte) => x * 256 + byte, 0);
  }

  u8() { return this.uint(1); }
  u16() { return this.uint(2); }
  u32() { return this.uint(4); }

  rest() {
    return this.take(this.b.length - this.at);
  }

  end() {
    if (this.at !== this.b.length) throw new RangeError('too long');
  }
}
