// Licences of dependencies. "check" fails when an npm package has a licence that deny.toml does not allow (cargo-deny checks
// crates), or when THIRD-PARTY-NOTICES.txt differs from what "write" generates. That file has the licence texts of the crates in
// the binary and of the npm packages in the console; it is compiled into the binary (`frontdesk licenses`).
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const NOTICES = 'THIRD-PARTY-NOTICES.txt';
// Platforms of the notices. Other platforms may use further crates.
const TARGETS = ['x86_64-unknown-linux-gnu', 'aarch64-unknown-linux-gnu', 'x86_64-apple-darwin', 'aarch64-apple-darwin'];
// Crates that only run at build time, but whose data gets into the binary.
const SOURCES_OF_DATA = ['tiktoken-rs'];
// Extra licences allowed for build tools, which are not shipped.
const TOOLS = { argparse: 'Python-2.0' };
const LICENCE = /^(un)?licen[cs]e|^copying|^notice|^copyright/i;
// Folders of a package that are not shipped: tests, and sources that are not compiled.
const NOT_SHIPPED = /^(tests?|test_data|examples|benches|sqlcipher|wasi-libc|node_modules|target)$/;
const HOLDER = /^\W*(portions )?(copyright\b(?!( holders?| notice| and related|,| owner))|\(c\)|©)/i;
const TITLE = /^\W*((the )?mit licen[cs]e.*|(the )?isc licen[cs]e.*|all rights reserved\.?|licen[cs]e)\W*$/i;
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

process.chdir(join(import.meta.dirname, '..'));
const cargo = (...args) => execFileSync('cargo', args, { encoding: 'utf8', maxBuffer: 1 << 28 });
const lock = (folder) => Object.entries(JSON.parse(readFileSync(`${folder}/package-lock.json`, 'utf8')).packages)
    .filter(([path, it]) => path !== '' && !it.link)
    .map(([path, it]) => ({ ...it, path, name: path.replace(/^.*node_modules\//, '') }));

function allowed() {
    const [, list] = /\[licenses\][^[]*?\nallow = \[(.*?)\]/s.exec(readFileSync('deny.toml', 'utf8'));
    return new Set([...list.matchAll(/"([^"]+)"/g)].map(([, one]) => one));
}

// Whether the allowed licences satisfy an SPDX expression.
function fulfils(expression, may) {
    const [words, parts] = [expression.replaceAll('/', ' OR ').match(/[()]|[\w.+-]+( WITH [\w.-]+)?/g) ?? [], { AND: '&&', OR: '||' }];
    const said = words.map((word) => (/[()]/.test(word) ? word : (parts[word] ?? may.has(word)))).join(' ');
    try {
        return Function(`return (${said})`)() === true;
    } catch {
        return false;
    }
}

function checkPackages() {
    const may = allowed();
    const wrong = ['console', 'tests/console'].filter(existsSync).flatMap((folder) => lock(folder)
        .filter((it) => !fulfils(it.license ?? '', may) && !(it.dev && TOOLS[it.name] === it.license))
        .map((it) => `${folder}: ${it.name} has the licence ${it.license ?? 'nobody knows'}, which deny.toml does not allow`));
    return wrong;
}

// Licence files in a folder and below, without those of its tests, as pairs of path and text.
function texts(folder, below = '') {
    const found = [];
    for (const it of readdirSync(join(folder, below), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
        const path = join(below, it.name);
        if (it.isDirectory() && !NOT_SHIPPED.test(it.name)) found.push(...texts(folder, path));
        else if (it.isFile() && LICENCE.test(it.name) && !/\.(rs|[cm]?[jt]s|html|py|go|h|c)$/.test(it.name)) {
            found.push([path, readFileSync(join(folder, path), 'utf8').replaceAll('\r', '').replace(/[ \t]+$/gm, '').trim()]);
        }
    }
    return found.filter(([, text]) => text !== '');
}

// Where there is a choice of licences, keeps only MIT's text.
function chosen(found, licence) {
    const atRoot = found.filter(([path]) => !path.includes('/'));
    const mit = atRoot.filter(([path]) => /MIT/i.test(path));
    if (!/MIT/.test(licence) || /AND/.test(licence) || mit.length === 0) return found;
    return found.filter((it) => !/APACHE|UNLICENSE|ZLIB|0BSD|BSD|LGPL|LLVM/i.test(it[0]) || it[0].includes('/'));
}

function crates() {
    const used = new Set(cargo('tree', '--locked', '-e', 'no-dev,no-build,no-proc-macro', ...TARGETS.flatMap((it) => ['--target', it]),
        '--prefix', 'none', '--format', '{p}').split('\n').map((line) => line.split(' ').slice(0, 2).join(' ')));
    for (const name of SOURCES_OF_DATA) used.add(cargo('tree', '--locked', '-e', 'all', '-i', name, '--depth', '0', '--prefix', 'none', '--format', '{p}').trim().split(' ').slice(0, 2).join(' '));
    return JSON.parse(cargo('metadata', '--locked', '--format-version', '1')).packages
        .filter((it) => it.source && used.has(`${it.name} v${it.version}`))
        .map((it) => ({ name: it.name, version: it.version, licence: it.license ?? '', authors: it.authors.join(', '),
            home: it.repository ?? '', found: texts(dirname(it.manifest_path)) }));
}

function packages() {
    return lock('console').filter((it) => !it.dev && !it.devOptional).map((it) => {
        const about = JSON.parse(readFileSync(`console/${it.path}/package.json`, 'utf8'));
        const author = typeof about.author === 'string' ? about.author : about.author?.name;
        return { name: it.name, version: it.version, licence: it.license, authors: author ?? '',
            home: about.repository?.url ?? about.repository ?? '', found: texts(`console/${it.path}`) };
    });
}

function notices() {
    const all = [...crates(), ...packages()].sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1));
    const byText = new Map();
    for (const it of all) {
        let mine = chosen(it.found, it.licence);
        // Packages of one repository may have the text only in one of them, or at its root.
        if (mine.length === 0 && it.home) mine = all.find((other) => other.home === it.home && other.found.length > 0 && other.licence === it.licence)?.found ?? [];
        if (mine.length === 0 && /MIT/.test(it.licence)) mine = [['', `MIT License\n\nCopyright (c) ${it.authors || `the authors of ${it.name}`}\n\n${MIT}`]];
        if (mine.length === 0) throw new Error(`${it.name} ${it.version} (${it.licence}) brings no licence text; say in scripts/licences.mjs which it has`);
        for (const [, text] of mine) {
            // Copyright lines are listed with the package, so that identical licence texts appear once.
            const lines = text.split('\n');
            const whose = text.length < 4000 ? lines.filter((line) => HOLDER.test(line)) : [];
            const words = whose.length > 0 ? lines.filter((line) => !HOLDER.test(line) && !TITLE.test(line)).join('\n').trim() : text;
            const key = words.toLowerCase().replace(/[^a-z0-9]+/g, ' ');
            if (!byText.has(key)) byText.set(key, { words, who: new Set() });
            byText.get(key).who.add([`${it.name} ${it.version} (${it.licence})`, ...whose.map((line) => `    ${line.trim()}`)].join('\n'));
        }
    }
    const bar = '='.repeat(80);
    const parts = [...byText.values()].map(({ words, who }) => `${bar}\n${[...who].join('\n')}\n${'-'.repeat(80)}\n${words}\n`);
    return `frontdesk holds code of others. What follows names it, with its licences. SQLite, which is in it too, is in the public domain.\nMade by \`make notices\`.\n\n${parts.join('\n')}`;
}

const command = process.argv[2];
if (command === 'write') writeFileSync(NOTICES, notices());
else if (command === 'check') {
    const wrong = checkPackages();
    if (readFileSync(NOTICES, 'utf8') !== notices()) wrong.push(`${NOTICES} is not current: run \`make notices\` and commit it`);
    for (const line of wrong) console.error(line);
    process.exitCode = wrong.length > 0 ? 1 : 0;
} else {
    console.error('usage: node scripts/licences.mjs check|write');
    process.exitCode = 2;
}
