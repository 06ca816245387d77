import { Ensemble, type EnsembleLines, parseEnsembleLine } from '../zab/ensemble.ts';
import { EnsembleError } from '../zab/server-line.ts';
import { ConfigError, type Setting, type Settings } from './settings.ts';

/** What the `server.N`, `group.N` and `weight.N` lines say. */
export type ServerLines =
  /** No lines, or one alone, which may name the client port: a standalone server. */
  | { readonly kind: 'standalone'; readonly clientPort: ServerLineClientPort | null }
  | {
      readonly kind: 'ensemble';
      readonly ensemble: Ensemble;
      clientPortOf(sid: number): ServerLineClientPort | null;
    };

/** The client port that a server line may carry, and the setting it stands in. */
export interface ServerLineClientPort {
  readonly setting: Setting;
  readonly port: number;
  readonly address: string | null;
}

const LINE_KEY = /^(server|group|weight)\./;

/**
 * Reads the `server.N`, `group.N` and `weight.N` lines. As in Apache (QuorumPeerConfig.parseDynamicConfig) a single
 * voter means a standalone server, unless standaloneEnabled=false. Names are not resolved. Throws ConfigError with the
 * line that is wrong.
 */
export function readServerLines(settings: Settings): ServerLines {
  const standaloneEnabled = settings.flag('standaloneEnabled', 'parser', true);
  const multiAddressEnabled = settings.flag('multiAddress.enabled', 'parser', false);
  for (const { line, before } of settings.repeated(LINE_KEY))
    throw settings.error(line, `${line.key} is there twice: see ${before.place}`);
  const into: EnsembleLines = { servers: [], groups: new Map(), weights: new Map() };
  const lineOf = new Map<number, Setting>();
  for (const line of settings.matching(LINE_KEY)) {
    readLine(settings, line, into);
    const server = into.servers.at(-1);
    if (server === undefined || !line.key.startsWith('server.')) continue;
    lineOf.set(server.sid, line);
    if (server.addresses.length > 1 && !multiAddressEnabled)
      throw settings.error(line, 'has several addresses: they need multiAddress.enabled=true');
  }
  const clientPortOf = (sid: number): ServerLineClientPort | null => {
    const client = into.servers.find((server) => server.sid === sid)?.client ?? null;
    const setting = lineOf.get(sid);
    return client === null || setting === undefined
      ? null
      : { setting, port: client.port, address: client.host };
  };

  const voters = into.servers.filter(({ role }) => role === 'participant');
  if (voters.length === 0) return refuseNoVoters(settings, into.servers.length, standaloneEnabled);
  if (voters.length === 1 && standaloneEnabled) {
    const [{ sid }] = voters;
    const line = lineOf.get(sid);
    if (into.servers.length > 1 || line === undefined)
      throw new ConfigError(
        `${settings.fileName}: observers of a single server.${sid} need standaloneEnabled=false, or more participants`,
      );
    settings.warn(line, 'only one server: runs standalone');
    return { kind: 'standalone', clientPort: clientPortOf(sid) };
  }
  return { kind: 'ensemble', ensemble: makeEnsemble(settings, into), clientPortOf };
}

function refuseNoVoters(settings: Settings, servers: number, standaloneEnabled: boolean): ServerLines {
  if (servers > 0)
    throw new ConfigError(
      `${settings.fileName}: all server lines are observers: an ensemble needs a participant`,
    );
  if (!standaloneEnabled)
    throw new ConfigError(
      `${settings.fileName}: standaloneEnabled=false means an ensemble, but there is no server line`,
    );
  return { kind: 'standalone', clientPort: null };
}

function readLine(settings: Settings, line: Setting, into: EnsembleLines): void {
  try {
    parseEnsembleLine(line.key, line.value, into);
  } catch (error) {
    throw error instanceof EnsembleError ? settings.error(line, error.message) : error;
  }
}

function makeEnsemble(settings: Settings, lines: EnsembleLines): Ensemble {
  try {
    const ensemble = new Ensemble(lines);
    const { length } = ensemble.voters;
    if (length === 2) {
      settings.warnings.push(`${settings.fileName}: two voting servers go on without neither: have three`);
    } else if (length % 2 === 0) {
      settings.warnings.push(
        `${settings.fileName}: ${length} voting servers go on without as many as ${length - 1} do: an odd number is better`,
      );
    }
    return ensemble;
  } catch (error) {
    throw error instanceof EnsembleError
      ? new ConfigError(`${settings.fileName}: the server lines do not fit: ${error.message}`)
      : error;
  }
}
