import { type Acl, Permission } from '../../client/index.ts';

const letters = [
  ['c', Permission.create],
  ['d', Permission.delete],
  ['r', Permission.read],
  ['w', Permission.write],
  ['a', Permission.admin],
] as const;

/** Permissions as letters, as in `cdrwa`. */
export function permissionText(permissions: number): string {
  return letters.map(([letter, bit]) => ((permissions & bit) === 0 ? '' : letter)).join('');
}

/** Reads `scheme:id:perms,…`. What cannot be read is complained of and left out, as Apache does. */
export function parseAcls(text: string, complain: (line: string) => void): Acl[] {
  const acls: Acl[] = [];
  for (const part of text.split(',')) {
    const [first, last] = [part.indexOf(':'), part.lastIndexOf(':')];
    if (first === -1 || first === last) {
      complain(`${part} does not have the form scheme:id:perm`);
      continue;
    }
    let permissions = 0;
    for (const letter of part.slice(last + 1)) {
      const known = letters.find(([name]) => name === letter);
      if (known === undefined) complain(`Unknown perm type: ${letter}`);
      else permissions |= known[1];
    }
    acls.push({ permissions, scheme: part.slice(0, first), id: part.slice(first + 1, last) });
  }
  return acls;
}
