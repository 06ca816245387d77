import { FrameConnection } from './frame-connection.ts';
import { Bindings, parseTemplate } from './template.ts';

/** A file of fixtures, read. */
export interface Fixture {
  readonly about: string;
  /** Lines that the server's zoo.cfg needs. */
  readonly config: readonly string[];
  readonly steps: readonly Step[];
}

interface Step {
  readonly lineNumber: number;
  readonly connection: string;
  readonly action: 'open' | 'closed' | 'send' | 'receive';
  /** Send and receive. */
  readonly template: string;
  /** What Menagerie sends instead: what 3.9 sends, or something of its own. */
  instead: string | null;
}

/** Reads a file's text. Throws, with the line's number, where it makes no sense. */
export function parseFixture(text: string): Fixture {
  const about: string[] = [];
  const config: string[] = [];
  const steps: Step[] = [];
  text.split('\n').forEach((line, index) => {
    const lineNumber = index + 1;
    if (line === '') return;
    if (line.startsWith('#')) {
      about.push(line.slice(1).trim());
    } else if (line.startsWith('config ')) {
      config.push(line.slice('config '.length));
    } else {
      const match = /^(\w)( open| closed|>|<|<3\.9|<own)( .*)?$/.exec(line);
      if (match === null) throw new Error(`line ${lineNumber} is no step: ${line}`);
      const [, connection, word, template = ''] = match;
      const last = steps.at(-1);
      if (word === '<3.9' || word === '<own') {
        if (last === undefined) throw new Error(`line ${lineNumber} stands in for nothing`);
        last.instead = template;
      } else {
        steps.push({ lineNumber, connection, action: actionOf(word), template, instead: null });
      }
    }
  });
  return { about: about.join(' '), config, steps };
}

function actionOf(word: string): Step['action'] {
  if (word === '>') return 'send';
  if (word === '<') return 'receive';
  return word === ' open' ? 'open' : 'closed';
}

/**
 * Sends a fixture's requests to a server and compares all that it answers, byte by byte. Throws on the first difference, on
 * a frame too few and on a frame too many. `isApache38`: it is the server that the fixtures were taken from.
 */
export async function replay(fixture: Fixture, port: number, isApache38: boolean): Promise<void> {
  const bindings = new Bindings(!isApache38);
  const connections = new Map<string, FrameConnection>();
  const connection = (name: string): FrameConnection => {
    const found = connections.get(name);
    if (found === undefined) throw new Error(`connection ${name} is not open`);
    return found;
  };
  try {
    for (const step of fixture.steps) {
      try {
        if (step.action === 'open') connections.set(step.connection, await FrameConnection.open(port));
        else await take(step, connection(step.connection), bindings, isApache38);
      } catch (error) {
        throw new Error(`line ${step.lineNumber}: ${(error as Error).message}`);
      }
    }
    for (const one of connections.values()) one.checkNothingLeft();
  } finally {
    for (const one of connections.values()) one.destroy();
  }
}

async function take(
  step: Step,
  connection: FrameConnection,
  bindings: Bindings,
  isApache38: boolean,
): Promise<void> {
  switch (step.action) {
    case 'open':
      return;
    case 'send':
      connection.send(bindings.fill(parseTemplate(step.template)));
      return;
    case 'receive': {
      const template = (isApache38 ? null : step.instead) ?? step.template;
      const difference = bindings.difference(parseTemplate(template), await connection.frame());
      if (difference !== null) throw new Error(difference);
      return;
    }
    case 'closed':
      await connection.end();
      return;
  }
}
