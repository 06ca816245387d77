import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import type { MachineFacts, ServerConfig } from '../../server/config.ts';
import { DataDirectory, VERSION_DIRECTORY } from '../../storage/data-directory.ts';
import { dryRunFileSystem } from '../../storage/dry-run-file-system.ts';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { frozenLogs } from '../../storage/frozen-logs.ts';
import { Output } from '../tools/output.ts';
import { type CheckedConfig, checkConfig } from './config-check.ts';
import { DataCheck, type DataSettings } from './data-check.ts';
import { Findings } from './findings.ts';
import { checkDisk, checkPermissions, checkPorts, serversOn } from './surroundings-check.ts';

export interface CheckOptions {
  readonly configFile: string;
  readonly systemProperties: ReadonlyMap<string, string>;
  /** A server on the same data or ports is expected to be there, and not in the way. */
  readonly whileRunning: boolean;
}

const MB = 1 << 20;
const DEFAULT_ENTRY_BYTES_MAX = 2 * 0xfffff;
const DEFAULT_SESSIONS_MAX = 100_000;

/**
 * Looks whether a server would start with this configuration on this data, without changing either: nothing is written,
 * locked or removed. Prints what is there and ends with `ready`, or with what is in the way. Gives the exit code.
 */
export async function check(options: CheckOptions): Promise<number> {
  const out = new Output(1);
  const findings = new Findings((line) => {
    out.line(line);
    out.flush();
  });
  const machine: MachineFacts = {
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    workingDirectory: process.cwd(),
  };
  findings.section('configuration');
  findings.fact('file', options.configFile);
  const checked = checkConfig(options.configFile, options.systemProperties, machine, findings);
  const { config } = checked;
  if (config !== null) describeConfig(config, findings);
  if (checked.dataDir !== null && checked.dataLogDir !== null)
    await checkDirectories(options, checked, machine, findings);
  const code = findings.conclude();
  out.flush();
  return code;
}

function describeConfig(config: ServerConfig, findings: Findings): void {
  const { ensemble, serverId, dataDir, dataLogDir } = config;
  if (ensemble === null) findings.fact('server', 'standalone');
  else {
    const role = ensemble.isObserver ? 'observer' : 'participant';
    findings.fact('server', `server.${serverId} of ${ensemble.servers.length}, ${role}`);
  }
  // 0 stands for a port that cannot be; that is said among what is in the way.
  if (config.clientPort !== 0)
    findings.fact('client port', `${config.clientPortAddress ?? '*'}:${config.clientPort}`);
  findings.fact('data', dataLogDir === dataDir ? dataDir : `${dataDir}, logs in ${dataLogDir}`);
}

async function checkDirectories(
  { whileRunning }: CheckOptions,
  { config, dataDir, dataLogDir }: CheckedConfig,
  machine: MachineFacts,
  findings: Findings,
): Promise<void> {
  if (dataDir === null || dataLogDir === null) return;
  const directories = [...new Set([join(dataDir, VERSION_DIRECTORY), join(dataLogDir, VERSION_DIRECTORY)])];
  // What a server that runs is in the way of, is no news where it is expected.
  const taken = (problem: string): void => {
    if (whileRunning) findings.differ(`${problem} (expected: --while-running)`);
    else findings.block(problem);
  };
  findings.section('data');
  const pidFile = process.env.ZOOPIDFILE || join(dataDir, 'zookeeper_server.pid');
  try {
    for (const { pid, how } of serversOn(directories, pidFile))
      taken(`the process with pid ${pid} (${how}) runs on this data: stop it before the start`);
    checkPermissions(directories, config?.dataDirAutocreate ?? true, findings);
    const real = whileRunning
      ? frozenLogs(nodeFileSystem, join(dataLogDir, VERSION_DIRECTORY))
      : nodeFileSystem;
    const fileSystem = dryRunFileSystem(real);
    const directory = DataDirectory.inspect({ dataDir, dataLogDir, fileSystem });
    new DataCheck(directory, dataSettings(config, machine), findings).run();
  } catch (error) {
    findings.block((error as Error).message);
  }
  checkDisk(directories.at(-1) ?? dataLogDir, config?.diskReserveBytes ?? null, findings);
  if (config !== null) await checkPorts(config, findings, taken);
}

/** Defaults where the configuration could not be read: better than to say nothing of the data. */
function dataSettings(config: ServerConfig | null, machine: MachineFacts): DataSettings {
  if (config === null) {
    return {
      entryBytesMax: DEFAULT_ENTRY_BYTES_MAX,
      digestEnabled: true,
      extendedTypesEnabled: true,
      snapshotTrustEmpty: false,
      isEnsembleMember: false,
      replicaMemoryBytesMax: Math.min(16_000 * MB, Math.max(256 * MB, Math.floor(machine.memoryBytes / 4))),
      sessionsMax: DEFAULT_SESSIONS_MAX,
    };
  }
  return {
    ...config,
    entryBytesMax: config.juteBufferBytesMax + config.juteBufferExtraBytes,
    isEnsembleMember: config.ensemble !== null,
  };
}
