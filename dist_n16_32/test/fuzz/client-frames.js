import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readConnectRequest } from '../../src/connection/connect-request.js';
import { JuteError, JuteReader } from '../../src/jute/reader.js';
import { readAcls, readIdentities } from '../../src/protocol/acl.js';
import { OpCode } from '../../src/protocol/opcode.js';
import { parseFourLetterWord } from '../../src/server/four-letter-words.js';
import { countMultiOps } from '../../src/txn/multi-request.js';
import { random } from '../support/random.js';
import { startMenagerie } from '../support/server-process.js';
import { WireClient } from '../support/wire-client.js';
import { ok } from '../support/wire-connection.js';
import { encode, text } from '../support/wire-records.js';
import { newSession, TxnMachine } from '../txn/txn-machine.js';
import { connectFrame, mutate, requestFrame, strangeBeginning, validBody, withLength, } from './frame-generator.js';
const FRAMES_PER_CONNECTION = 50;
const CONNECTIONS_AT_ONCE = 8;
const CHECK_EVERY_CONNECTIONS = 200;
const TXNS_PER_MACHINE = 2000;
/** More than this it may not grow: the tree stays small. */
const GROWTH_MB_MAX = 400;
/**
 * Sends harmed requests, four-letter words and other bytes to a server process. It must not end, nor grow without
 * bound, and another client's session must go on undisturbed. Throws with the seed otherwise; the same seed sends the
 * same connections.
 */
export async function fuzzServer(options) {
    const { seed } = random(options.seed);
    const server = await startMenagerie({ config: ['tickTime=500', 'menagerie.connectionWorkers=2'] });
    let connections = 0;
    let inputs = 0;
    try {
        const healthy = await WireClient.connect({ port: server.port, timeoutMs: 10_000 });
        ok(await healthy.create('/healthy', text('0')));
        const startMb = await residentMb(server);
        while (inputs < options.inputs) {
            const batch = Array.from({ length: CONNECTIONS_AT_ONCE }, () => {
                const script = connectionScript(random(seed + connections++));
                inputs += script.inputs;
                return sendAll(server.port, script.bytes);
            });
            await Promise.all(batch);
            if (connections % CHECK_EVERY_CONNECTIONS !== 0 && inputs < options.inputs)
                continue;
            await checkHealth(server, healthy, connections);
            const grownMb = (await residentMb(server)) - startMb;
            if (grownMb > GROWTH_MB_MAX)
                throw new Error(`the server has grown by ${grownMb} MB`);
            options.progress?.(`${inputs} of ${options.inputs} inputs, ${connections} connections, grown by ${grownMb} MB`);
        }
        const grownMb = (await residentMb(server)) - startMb;
        await healthy.leave();
        return { seed, inputs, connections, grownMb };
    }
    catch (error) {
        const place = `seed ${seed}, about connection ${connections}`;
        throw new Error(`${place}: ${error.message}\n${server.output.slice(-4000)}`, { cause: error });
    }
    finally {
        await server.dispose();
    }
}
function connectionScript(draw) {
    if (draw.below(10) === 0)
        return { bytes: strangeBeginning(draw), inputs: 1 };
    const parts = [withLength(connectFrame(draw, 1000), random(1))];
    for (let i = 0; i < FRAMES_PER_CONNECTION; i++)
        parts.push(withLength(requestFrame(draw), draw));
    return { bytes: Buffer.concat(parts), inputs: FRAMES_PER_CONNECTION };
}
/** Sends the bytes, ends its side and waits until the server has closed too; replies are dropped unread. */
function sendAll(port, bytes) {
    return new Promise((resolve, reject) => {
        const socket = connect({ port, host: '127.0.0.1' }, () => socket.end(bytes));
        socket.setTimeout(20_000, () => socket.destroy(new Error('the server does not close a connection')));
        socket.on('data', () => { });
        // Being closed on is what most of these are for.
        socket.on('error', (error) => {
            if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE')
                reject(error);
        });
        socket.on('close', () => resolve());
    });
}
async function checkHealth(server, healthy, connections) {
    if (!server.isRunning)
        throw new Error('the server has ended');
    if (/\b(ERROR|FATAL): /.test(server.output))
        throw new Error('the server complains of itself');
    const value = text(String(connections));
    ok(await healthy.setData('/healthy', value));
    const { data } = ok(await healthy.getData('/healthy'));
    if (Buffer.compare(data ?? new Uint8Array(0), value) !== 0)
        throw new Error('another value is read than written');
}
async function residentMb(server) {
    const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024);
}
/**
 * Gives harmed bytes to everything that decodes what a client sends: nothing but JuteError may be thrown, and nothing
 * read beyond the end. Request bodies go on through prep and apply, where the tree's digest is checked after every txn.
 */
export function fuzzDecoders(options) {
    const { seed } = random(options.seed);
    let machine = new TxnMachine();
    for (let input = 0; input < options.inputs; input++) {
        if (input % TXNS_PER_MACHINE === 0)
            machine = new TxnMachine();
        try {
            const draw = random(seed + input);
            fuzzReaders(draw);
            fuzzTxn(draw, machine);
        }
        catch (error) {
            throw new Error(`seed ${seed}, input ${input}: ${error.stack}`, { cause: error });
        }
        if ((input + 1) % 100_000 === 0)
            options.progress?.(`${input + 1} of ${options.inputs} inputs for the decoders`);
    }
    return { seed, inputs: options.inputs };
}
const decoders = [
    readConnectRequest,
    readAcls,
    readIdentities,
    countMultiOps,
];
function fuzzReaders(draw) {
    const connectBytes = mutate(draw, connectFrame(draw, 1000));
    const multi = mutate(draw, encode(validBody(draw, OpCode.multi)));
    const reader = new JuteReader();
    for (const bytes of [connectBytes, multi]) {
        parseFourLetterWord(bytes);
        // In the middle of memory, as in the buffer that sockets share.
        const memory = new Uint8Array(bytes.length + 32).fill(0x11);
        memory.set(bytes, 16);
        for (const decode of decoders) {
            reader.reset(memory, 16, 16 + bytes.length);
            try {
                decode(reader);
            }
            catch (error) {
                if (!(error instanceof JuteError))
                    throw error;
            }
            if (reader.position > 16 + bytes.length)
                throw new Error(`${decode.name} has read beyond the end`);
        }
    }
}
const ENTRY_BYTES_MAX = 2048;
const IDENTITIES = [
    { scheme: 'ip', id: '127.0.0.1' },
    { scheme: 'digest', id: 'a:b' },
];
const txnOpcodes = [
    ...[OpCode.create, OpCode.create2, OpCode.setData, OpCode.setACL, OpCode.multi, OpCode.delete],
];
function fuzzTxn(draw, machine) {
    const opcode = txnOpcodes[draw.below(txnOpcodes.length)];
    const body = mutate(draw, encode(validBody(draw, opcode)));
    const session = newSession(BigInt(1 + draw.below(3)));
    machine.make(opcode, session, (writer) => writer.writeBytes(body, 0, body.length), IDENTITIES, ENTRY_BYTES_MAX);
    if (draw.below(3) === 0)
        machine.applyAll();
    machine.changes.length = 0;
    if (machine.log.length > 100)
        machine.log.length = 0;
}
const HELP = `Sends harmed frames, four-letter words and other bytes to a server, and to the decoders in this process.

  node dist/test/fuzz/client-frames.js [--inputs N] [--seed N] [--only server|decoders]

  --inputs N  for each of the two (1000000)
  --seed N    the seed of a run that is to be repeated (a new one)
`;
async function main() {
    const { values } = parseArgs({
        options: {
            inputs: { type: 'string', default: '1000000' },
            seed: { type: 'string' },
            only: { type: 'string' },
            help: { type: 'boolean', default: false },
        },
    });
    if (values.help) {
        process.stdout.write(HELP);
        return;
    }
    const options = {
        inputs: Number(values.inputs),
        progress: (line) => console.log(line),
        ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
    };
    if (values.only !== 'server')
        console.log(fuzzDecoders(options));
    if (values.only !== 'decoders')
        console.log(await fuzzServer(options));
}
if (process.argv[1] === fileURLToPath(import.meta.url))
    await main();
