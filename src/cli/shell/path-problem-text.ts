import { pathProblem } from '../../client/index.ts';

/** Why a path is refused, in the words of Apache's PathUtils, or null for a good one. */
export function pathProblemText(path: string): string | null {
  if (pathProblem(path) === null) return null;
  if (path === '') return 'Path length must be > 0';
  if (!path.startsWith('/')) return 'Path must start with / character';
  if (path.endsWith('/')) return 'Path must not end with / character';
  return `Invalid path string "${path}" caused by ${reason(path)}`;
}

function reason(path: string): string {
  for (let i = 1; i < path.length; i++) {
    const unit = path.charCodeAt(i);
    if (unit === 0) return `null character not allowed @${i}`;
    if (path[i] === '/' && path[i - 1] === '/') return `empty node name specified @${i}`;
    const isEnd = i + 1 === path.length || path[i + 1] === '/';
    if (path[i] === '.' && isEnd && (path[i - 1] === '/' || path.slice(i - 2, i) === '/.'))
      return `relative paths not allowed @${i}`;
    const isForbidden =
      unit < 0x20 || (unit >= 0x7f && unit <= 0x9f) || (unit >= 0xd800 && unit <= 0xf8ff) || unit >= 0xfff0;
    if (isForbidden) return `invalid character @${i}`;
  }
  return 'invalid character';
}
