// Checks what was built: each plugin.json, and that all it names is there.
import Ajv from 'ajv';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const DIST = new URL('../dist/', import.meta.url).pathname;
/** Aim: a dashboard loads each module of its panels. */
const MAX_GZIP = 150 * 1024;
const PLUGINS = {
  '': 'underpass-fleetscope-app',
  datasource: 'underpass-fleetscope-datasource',
  panel: 'underpass-fleetscopeevents-panel',
};

const read = (path) => readFileSync(join(DIST, path), 'utf8');
const schema = JSON.parse(readFileSync(new URL('plugin.schema.json', import.meta.url), 'utf8'));
const ajv = new Ajv({ allErrors: true, validateFormats: false });
const validate = ajv.compile(schema);
const wrong = [];
const must = (holds, what) => holds || wrong.push(what);
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

for (const [folder, id] of Object.entries(PLUGINS)) {
  const plugin = JSON.parse(read(join(folder, 'plugin.json')));
  const name = join(folder, 'plugin.json');
  if (!validate(plugin)) {
    wrong.push(...validate.errors.map((error) => `${name}${error.instancePath} ${error.message}`));
  }
  must(plugin.id === id, `${name}: the id is ${plugin.id}`);
  must(plugin.info.version === version, `${name}: version ${plugin.info.version}, not ${version}`);
  const { logos, screenshots } = plugin.info;
  for (const path of [logos.small, logos.large, ...screenshots.map((shot) => shot.path), 'module.js']) {
    must(existsSync(join(DIST, folder, path)), `${name}: ${path} is missing`);
  }
  for (const { path } of plugin.includes ?? []) {
    must(existsSync(join(DIST, folder, path)), `${name}: ${path} is missing`);
  }
  for (const language of folder ? plugin.languages : []) {
    must(existsSync(join(DIST, folder, 'locales', language, `${id}.json`)), `${name}: ${language} is not translated`);
  }
  const bundle = gzipSync(read(join(folder, 'module.js'))).length;
  must(bundle < MAX_GZIP, `${folder || 'app'}: module.js has ${bundle} bytes gzipped, at most ${MAX_GZIP}`);
  must(!/svg[\s\S]*<script/i.test(read(join(folder, logos.small))), `${name}: the logo holds a script`);
  console.log(`${join(folder, 'module.js')}: ${(bundle / 1024).toFixed(1)} KiB gzipped`);
}
for (const path of ['README.md', 'CHANGELOG.md', 'LICENSE']) {
  must(existsSync(join(DIST, path)), `${path} is missing`);
}
must(read('CHANGELOG.md').includes(`## ${version}`), `CHANGELOG.md has no heading for ${version}`);

const lock = readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8');
const foreign = [...lock.matchAll(/"(?:resolved|version)": "([^"]*(?:\/\/|git\+|github:)[^"]*)"/g)].map(
  ([, url]) => url
);
must(
  foreign.every((url) => url.startsWith('https://registry.npmjs.org/')),
  `package-lock.json names another source than the public registry: ${foreign[0]}`
);
// A registry that lacks a package for another machine makes a lock that `npm ci` refuses.
const { packages } = JSON.parse(lock);
for (const [path, { optionalDependencies = {} }] of Object.entries(packages)) {
  const absent = Object.keys(optionalDependencies).filter(
    (name) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`]
  );
  must(absent.length === 0, `package-lock.json lacks ${absent.join(', ')}, which ${path} may need`);
}

if (wrong.length > 0) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
