/**
 * Scenarios as text: scripts of commands for a whole cluster, with the trace that each of them must leave.
 *
 * Every file test/scenarios/*.txt is a test. A script is a list of steps: one or more commands, a line `----`, and what they
 * print, up to an empty line. Lines that begin with # are comments. `SCENARIOS=rewrite npm test` (or node --test
 * with that variable on the compiled file) writes what is printed into the scripts: read the difference before you keep it.
 *
 * The cluster is made of real QuorumPeers and DurableStates; network, disks and clock do what the script says and
 * nothing else. Zxids are written epoch:counter. Commands:
 *
 *   cluster voters=1,2,3 [observers=4] [memory=N] [forceSnapshot] [votes] [weights=group.1:1:2;weight.1:3]
 *                        memory: txns at hand for a DIFF after a start; votes: the trace shows the election's messages
 *   disk 1 accepted=2 [current=1] [snapshot=1:3 tree=1:1..3] [log=1:4..6,2:1] [invalid]    what server 1 finds when it starts
 *   start 1 2 3          servers start, with a vote to everybody they can reach
 *   crash 1 [keep=N]     it ends; of the txns that it appended and did not sync, N happen to be on its disk
 *   stabilize            everything that can happen now happens, in a fixed order; time stands still
 *   advance MS           time passes, timers fire, what becomes possible happens
 *   propose 1 [N]        the leader 1 proposes N txns in a batch
 *   leave 1 why          the leader 1 gives up
 *   room 1               server 1's log ring is full (QuorumPeer.roomNeeded)
 *   cut 1 2, heal 1 2    the line between two servers, election port included; both notice at once
 *   reset 1 2            the quorum connection between them breaks
 *   pause 1, resume 1    the process is stopped, and goes on
 *   hold 1->2, release 1->2, deliver 1->2 [N]      what 1 sends to 2 waits; N messages of it arrive
 *   hold votes 1->2, release votes 1->2            the same for the election's messages alone
 *   hold disk 1, release disk 1, sync 1 [N]        what the disk of 1 was told to do waits; N things of it are done
 *   inject 1->2 PACKET   2 receives a packet that 1 did not send; connect 1->2: a connection to 2 that 1 did not make
 *   vote 1->2 looking round 3: 1 at 1:5 epoch 1 [version 0]      2 receives a vote that 1 did not send
 *   status               one line a server: role (stage), epochs and log on disk, what the replica shows
 *
 * After each command it is checked that no two servers lead in an epoch, that all servers commit the same txns in the
 * same order, and that a leader commits nothing that is not on the disks of a quorum.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { sourcesDirectory } from '../storage/support.ts';
import { ScenarioRunner } from './scenario/commands.ts';
import { parseScript, printScript } from './scenario/script.ts';

const directory = path.join(sourcesDirectory(), 'scenarios');
const isRewriting = process.env.SCENARIOS === 'rewrite';
const files = fs.readdirSync(directory).filter((name) => name.endsWith('.txt'));

for (const name of files.sort()) {
  test(`scenario ${name}`, () => {
    const file = path.join(directory, name);
    const text = fs.readFileSync(file, 'utf8');
    const script = parseScript(text);
    const runner = new ScenarioRunner();
    const outputs: string[][] = [];
    for (const { commands, line } of script.steps) {
      const lines: string[] = [];
      outputs.push(lines);
      try {
        for (const command of commands) lines.push(...runner.run(command));
      } catch (error) {
        const before = [...outputs.slice(-3).flat(), ...runner.linesSoFar].join('\n');
        throw new Error(`${name}:${line}: ${commands.join('; ')}: ${(error as Error).message}\n${before}`, {
          cause: error,
        });
      }
    }
    if (isRewriting) {
      fs.writeFileSync(file, printScript(script, outputs));
      return;
    }
    for (const [index, { expected, line, commands }] of script.steps.entries()) {
      assert.deepEqual(outputs[index], expected, `${name}:${line}: ${commands.join('; ')}`);
    }
  });
}

test('there are scripts', () => assert.ok(files.length > 0));
