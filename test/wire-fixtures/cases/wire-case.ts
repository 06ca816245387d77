import { type Acl, Flag } from '../../support/wire-records.ts';
import type { RecordedConnection, Recording } from '../recording.ts';

/** A file of fixtures to be: what is sent, and, by playing it, what a server answers. */
export interface WireCase {
  readonly name: string;
  readonly about: string;
  /** Lines of the server's zoo.cfg; cases with the same ones share a server. */
  readonly config: readonly string[];
  /** `path` is the case's own, directly below the root. */
  play(recording: Recording, path: string): Promise<void>;
}

type OnSession = (a: RecordedConnection, path: string, recording: Recording) => Promise<unknown>;

/** A case on a session that is opened before and closed afterwards. */
export function onSession(
  name: string,
  about: string,
  play: OnSession,
  config: readonly string[] = [],
): WireCase {
  return {
    name,
    about,
    config,
    async play(recording, path) {
      const a = await recording.session('a');
      await play(a, path, recording);
      await a.close();
    },
  };
}

/** As {@link onSession}; the case's path is a znode when it begins. */
export function onZnode(
  name: string,
  about: string,
  play: OnSession,
  config: readonly string[] = [],
): WireCase {
  const withZnode: OnSession = async (a, path, recording) => {
    await a.create(path);
    await play(a, path, recording);
  };
  return onSession(name, about, withZnode, config);
}

/** As {@link onSession}; the server closes the connection at the end. The session is taken up again, and ended. */
export function onConnectionThatEnds(name: string, about: string, play: OnSession): WireCase {
  return {
    name,
    about,
    config: [],
    async play(recording, path) {
      const a = await recording.session('a');
      await play(a, path, recording);
      await a.closed();
      const b = await recording.open('b');
      await b.connect({ session: a.session });
      await b.close();
    },
  };
}

/** Grants everything to an address that nobody here has. */
export const nobody: readonly Acl[] = [{ perms: 31, scheme: 'ip', id: '10.255.255.1' }];

export const { ephemeral, sequential, ephemeralSequential, container, ttl, ttlSequential } = Flag;
