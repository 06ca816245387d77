/** One step of a script: commands (usually one), and what they are expected to print. */
export interface Step {
  /** Comments and empty lines before it, as they stand. */
  readonly preamble: readonly string[];
  readonly commands: readonly string[];
  readonly expected: readonly string[];
  readonly line: number;
}

export interface Script {
  readonly steps: readonly Step[];
  /** What follows the last step. */
  readonly rest: readonly string[];
}

const DIVIDER = '----';

/** Cuts a script into steps; see scenarios.test.ts for the form. Throws, naming the line, when it has another. */
export function parseScript(text: string): Script {
  const lines = text.replace(/\n$/, '').split('\n');
  const steps: Step[] = [];
  let preamble: string[] = [];
  let index = 0;
  while (index < lines.length) {
    const line = lines[index]!;
    if (line.trim() === '' || line.startsWith('#')) {
      preamble.push(line);
      index++;
      continue;
    }
    const first = index;
    const commands: string[] = [];
    while (index < lines.length && lines[index] !== DIVIDER) commands.push(lines[index++]!);
    if (index === lines.length) throw new Error(`line ${first + 1}: no ${DIVIDER} follows the command`);
    if (commands.some((command) => command.trim() === '')) {
      throw new Error(`line ${first + 1}: an empty line between a command and its ${DIVIDER}`);
    }
    index++;
    const expected: string[] = [];
    while (index < lines.length && lines[index]!.trim() !== '') expected.push(lines[index++]!);
    steps.push({ preamble, commands, expected, line: first + 1 });
    preamble = [];
  }
  return { steps, rest: preamble };
}

/** The script with what its steps printed this time. */
export function printScript(script: Script, outputs: readonly (readonly string[])[]): string {
  const lines = script.steps.flatMap(({ preamble, commands }, index) => [
    ...preamble,
    ...commands,
    DIVIDER,
    ...outputs[index]!,
  ]);
  return `${[...lines, ...script.rest].join('\n')}\n`;
}
