import { spawn } from 'node:child_process';
const running = new Set();
process.on('exit', () => {
    for (const child of running)
        child.kill('SIGKILL');
});
/** Runs a program to its end and gives what it wrote, both streams as one. Rejects when it takes too long. */
export function runCommand(program, args, { input = '', timeoutMs = 120_000, onOutput } = {}) {
    return new Promise((resolve, reject) => {
        let output = '';
        const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
        running.add(child);
        const timer = setTimeout(() => {
            child.kill('SIGKILL');
            reject(new Error(`${program} ${args.join(' ')} still runs after ${timeoutMs} ms:\n${output}`));
        }, timeoutMs);
        const collect = (chunk) => {
            output += chunk.toString('utf8');
            onOutput?.(output);
        };
        child.stdout.on('data', collect);
        child.stderr.on('data', collect);
        child.stdin.on('error', () => { });
        child.stdin.end(input);
        child.on('error', (error) => {
            clearTimeout(timer);
            reject(error);
        });
        child.on('close', (code) => {
            running.delete(child);
            clearTimeout(timer);
            resolve({ code, output });
        });
    });
}
