// Hot path: pathProblem runs for every request, and makes nothing of a good path.

const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * Why a server would not take `path` as a znode's (protocol/client.md §4.2), or null. `isSequential`: a number will be appended,
 * so it may end with `/`.
 */
export function pathProblem(path: string, isSequential = false): string | null {
  if (typeof path !== 'string') return 'is not a string';
  const length = path.length;
  if (length === 0) return 'is empty';
  if (path.charCodeAt(0) !== SLASH) return 'does not start with /';
  let componentStart = 1;
  for (let i = 1; i < length; i++) {
    const unit = path.charCodeAt(i);
    if (unit === SLASH) {
      const problem = componentProblem(path, componentStart, i);
      if (problem !== null) return problem;
      componentStart = i + 1;
    } else if (unit < 0x20 || (unit >= 0x7f && (unit <= 0x9f || isForbidden(unit)))) {
      return `has the character U+${unit.toString(16).padStart(4, '0')} at index ${i}, which znodes cannot have`;
    }
  }
  if (isSequential && componentStart === length) return null;
  if (length > 1 && componentStart === length) return 'ends with /';
  return length === 1 || isSequential ? null : componentProblem(path, componentStart, length);
}

function isForbidden(unit: number): boolean {
  return (unit >= 0xd800 && unit <= 0xf8ff) || unit >= 0xfff0;
}

function componentProblem(path: string, start: number, end: number): string | null {
  const length = end - start;
  if (length === 0) return 'has an empty component (//)';
  if (length > 2 || path.charCodeAt(start) !== DOT) return null;
  if (length === 1 || path.charCodeAt(start + 1) === DOT) return 'is relative (has a component . or ..)';
  return null;
}

/** The path of a child. */
export function childPath(parent: string, name: string): string {
  return parent === '/' ? `/${name}` : `${parent}/${name}`;
}

/** The parent's path; `/` for `/` itself. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/** The last component. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Whether `path` is `ancestor` or lies under it. */
export function isWithin(path: string, ancestor: string): boolean {
  if (ancestor === '/') return true;
  return path.startsWith(ancestor) && (path.length === ancestor.length || path[ancestor.length] === '/');
}

/** A path of the server as the client sees it. One outside of the chroot stays as it is. */
export function withoutChroot(path: string, chroot: string): string {
  if (chroot === '' || !isWithin(path, chroot)) return path;
  return path.length === chroot.length ? '/' : path.slice(chroot.length);
}

/** A path of the client as the server knows it. */
export function withChroot(path: string, chroot: string): string {
  if (chroot === '') return path;
  return path === '/' ? chroot : chroot + path;
}
