// What may go wrong, told apart inside only (spec/ratchet.md#errors).
export class Fault extends Error {
  constructor(kind, detail = '') {
    super(detail ? `${kind}: ${detail}` : kind);
    this.kind = kind;
  }
}

export const malformed = (d) => new Fault('malformed', d);
export const handshake = (d) => new Fault('handshake', d);
export const notMine = () => new Fault('not mine');
export const duplicate = () => new Fault('duplicate');
export const skip = () => new Fault('skip');
export const corrupt = (d) => new Fault('corrupt', d);
export const exhausted = () => new Fault('exhausted');
export const tooBig = () => new Fault('too big');
