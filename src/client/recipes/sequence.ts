/**
 * Orders znodes by the number that the server appended to their names. It counts in 32 bits, and goes on from 2147483647 with
 * -2147483648: which is the earlier of two is told by the shorter way round.
 */
export function bySequence(a: { readonly sequence: number }, b: { readonly sequence: number }): number {
  return (a.sequence - b.sequence) | 0;
}
