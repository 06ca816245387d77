const RULE = '+-------------------------------------------------+';
const WIDTH = 16;

/** Bytes in hexadecimal beside their ASCII characters, in the frame that Apache's `get -x` (Netty) draws. */
export function hexDump(bytes: Uint8Array): string {
  if (bytes.length === 0) return '';
  const columns = Array.from({ length: WIDTH }, (_, i) => ` ${i.toString(16).padStart(2)}`).join('');
  const lines = [`         ${RULE}`, `         |${columns} |`, `+--------${RULE}----------------+`];
  for (let at = 0; at < bytes.length; at += WIDTH) {
    const row = bytes.subarray(at, at + WIDTH);
    const hex = [...row].map((byte) => ` ${byte.toString(16).padStart(2, '0')}`).join('');
    const text = [...row]
      .map((byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.'))
      .join('');
    lines.push(`|${at.toString(16).padStart(8, '0')}|${hex.padEnd(WIDTH * 3)} |${text.padEnd(WIDTH)}|`);
  }
  lines.push(`+--------${RULE}----------------+`);
  return lines.join('\n');
}
