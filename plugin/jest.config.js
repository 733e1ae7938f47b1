// Tests must not depend on where they run.
process.env.TZ = 'UTC';

const base = require('./.config/jest.config');
const [swc] = Object.values(base.transform);

module.exports = {
  ...base,
  // Some dependencies ship .mjs files.
  moduleFileExtensions: ['ts', 'tsx', 'js', 'mjs', 'cjs', 'jsx', 'json', 'node'],
  // A machine that builds other things at the same time is slow, not wrong.
  testTimeout: 60_000,
  transform: { '^.+\\.(m?[tj]sx?)$': swc },
};
