// `npm run schemas`: writes src/ring/generated/records.ts anew.
import { writeFile } from 'node:fs/promises';
import { generatedUrl, generateRecords } from './schemas.js';
await writeFile(generatedUrl, await generateRecords());
process.exit(0);
