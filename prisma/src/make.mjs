// The process that makes an embedded store: `make.mjs <folder> <start parameter …>`, forked. Plain JavaScript: it needs no TypeScript loading.
import { PGlite } from '@electric-sql/pglite';

// Whoever asked for the folder is gone.
process.once('disconnect', () => process.exit(1));
const [dataDir, ...startParams] = process.argv.slice(2);
try {
  const pglite = await PGlite.create({ dataDir, startParams });
  await pglite.close();
  process.exit(0);
} catch (error) {
  process.send({ why: error?.message ?? String(error) }, () => process.exit(1));
}
