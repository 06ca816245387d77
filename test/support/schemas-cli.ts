// `npm run schemas`: writes src/ring/generated/records.ts anew.
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { generatedUrl, generateRecords } from './schemas.ts';

new Command('schemas')
  .description('Writes src/ring/generated/records.ts anew, from schemas/records.fbs.')
  .parse();

await writeFile(generatedUrl, await generateRecords());
process.exit(0);
