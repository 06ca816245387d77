import { classPathOf, missingForApache } from './apache-jars.ts';
import { type Outcome, type RunOptions, runTool } from './tool-run.ts';

const TOOL_JARS = [
  'zookeeper',
  'zookeeper-jute',
  'slf4j-api',
  'slf4j-nop',
  'commons-cli',
  'commons-io',
  'snappy-java',
  'metrics-core',
  'netty-common',
  'netty-handler',
];
const MACHINE = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];
const LOCALE = ['-Duser.language=en', '-Duser.country=US', '-Dfile.encoding=UTF-8'];

/** Runs an offline tool of Apache's, such as `persistence.TxnLogToolkit`. Ask {@link apacheToolsMissing} first. */
export function apache(mainClass: string, args: readonly string[], options: RunOptions = {}): Outcome {
  const words = [...MACHINE, ...LOCALE, '-cp', classPathOf(TOOL_JARS)];
  return runTool('java', [...words, `org.apache.zookeeper.server.${mainClass}`, ...args], options);
}

/** Why there is nothing to compare with, false when there is. */
export function apacheToolsMissing(): string | false {
  return missingForApache(['zookeeper']) ?? false;
}
