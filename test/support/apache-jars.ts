import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where Debian's packages put Apache ZooKeeper and what it needs. */
const DIRECTORY = '/usr/share/java';
const JAVA = '/usr/bin/java';

/** A class path of these jars, named without directory and ending. */
export function classPathOf(names: readonly string[]): string {
  return names.map((name) => join(DIRECTORY, `${name}.jar`)).join(':');
}

/** What is not installed of Java and these jars, and the package that has it; null if all are there. */
export function missingForApache(names: readonly string[]): string | null {
  if (!existsSync(JAVA)) return `no ${JAVA} (Debian package default-jre-headless)`;
  const missing = names.find((name) => !existsSync(classPathOf([name])));
  return missing === undefined ? null : `no ${classPathOf([missing])} (Debian package zookeeper)`;
}
