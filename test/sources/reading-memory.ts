/** Run by itself: reads the file named by the arguments and prints what it cost, as JSON. */
import { openFileSource, readRows } from '../../src/sources/open-file.ts';

const [path = '', folder = ''] = process.argv.slice(2);
const source = await openFileSource({ path }, { folders: [folder], home: folder });
const rssBefore = process.memoryUsage().rss;
const start = performance.now();

let rows = 0;
let rssMost = rssBefore;
for await (const batch of readRows(source, { maxRecordBytes: 1024 * 1024 })) {
  rows += batch.length;
  rssMost = Math.max(rssMost, process.memoryUsage.rss());
}

const microsecondsPerRow = ((performance.now() - start) / rows) * 1000;
process.stdout.write(JSON.stringify({ rows, grownMb: (rssMost - rssBefore) / 1e6, microsecondsPerRow }));
