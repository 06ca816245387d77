// Hot path: paths are checked as the bytes that stand in the frame.

import { decodeUtf8 } from '../jute/reader.ts';

const SLASH = 0x2f;
const DOT = 0x2e;

/** Index of the last `/` in `bytes[start, start + length)`, or -1. */
export function lastSlash(bytes: Uint8Array, start: number, length: number): number {
  for (let i = start + length - 1; i >= start; i--) if (bytes[i] === SLASH) return i;
  return -1;
}

/** Whether there is a NUL in `bytes[start, start + length)`, which no path may hold. */
export function hasNul(bytes: Uint8Array, start: number, length: number): boolean {
  for (let i = start; i < start + length; i++) if (bytes[i] === 0) return true;
  return false;
}

/**
 * Whether the bytes are a path that may name a znode: Apache's `PathUtils.validatePath` (protocol/client.md §4.2).
 * Length -1 (a null string) is none.
 */
export function isValidPath(bytes: Uint8Array, start: number, length: number): boolean {
  if (length <= 0 || bytes[start] !== SLASH) return false;
  if (length === 1) return true;
  const end = start + length;
  if (bytes[end - 1] === SLASH) return false;
  let componentStart = start + 1;
  for (let i = start + 1; i <= end; i++) {
    const byte = i === end ? SLASH : bytes[i];
    if (byte === SLASH) {
      if (isBadComponent(bytes, componentStart, i - componentStart)) return false;
      componentStart = i + 1;
    } else if (byte < 0x20 || byte === 0x7f) {
      return false;
    } else if (byte >= 0x80) {
      return isValidPathText(decodeUtf8(bytes, start, end));
    }
  }
  return true;
}

function isBadComponent(bytes: Uint8Array, start: number, length: number): boolean {
  if (length === 0) return true;
  if (bytes[start] !== DOT) return false;
  return length === 1 || (length === 2 && bytes[start + 1] === DOT);
}

/** The same for a path with characters beyond ASCII, where code units must be looked at. */
function isValidPathText(path: string): boolean {
  for (const component of path.slice(1).split('/')) {
    if (component === '' || component === '.' || component === '..') return false;
  }
  for (let i = 0; i < path.length; i++) {
    const unit = path.charCodeAt(i);
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) return false;
    if ((unit >= 0xd800 && unit <= 0xf8ff) || unit >= 0xfff0) return false;
  }
  return true;
}
