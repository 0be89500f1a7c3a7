// The declarations that the generated events are made of are those of the package that is installed.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'

const here = import.meta.dirname
const installed = path.join(here, '../../../node_modules/stripe')

test('the pinned version has the declarations of the installed package', () => {
  const text = execFileSync(process.execPath, [path.join(here, 'declarations/extract.mjs'), installed], { encoding: 'utf8' })
  const { api_version } = JSON.parse(text)
  assert.equal(text, fs.readFileSync(path.join(here, 'declarations', `${api_version}.json`), 'utf8'))
})
