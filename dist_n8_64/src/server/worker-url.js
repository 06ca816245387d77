/** Where the compiled file of a worker thread or task lies: `workers/<name>.js` beside `src`. */
export function workerUrl(name) {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    return new URL(`../../workers/${name}.${extension}`, import.meta.url);
}
