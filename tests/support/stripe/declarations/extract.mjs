// Extracts the declarations of the objects in Stripe's events from the npm package `stripe`, for the generated events of
// `tests/native/stripe_in/generated`. Run it when the pinned API version changes:
//
//     npm pack stripe@17.7.0 && tar xzf stripe-17.7.0.tgz     # and the same for the version in between
//     node tests/support/stripe/declarations/extract.mjs package > tests/support/stripe/declarations/2025-02-24.acacia.json
//
// The output has a line for each field, in the notation of the declarations: `"customer": "string | Customer | null"`,
// and `"tax?"` for a field that may be absent. So a difference between two versions of the API is a readable diff.
//
// Only what a test can use is extracted: names of types that are not in an event's object become `Expanded`, and types
// inside of types inside of types become `{}`.

import fs from 'node:fs'
import path from 'node:path'

/** The objects of events and what they contain: the file that declares each, and its namespace in newer packages. */
const FILES = {
  Accounts: '', Charges: '', Coupons: '', CreditNotes: '', Customers: '', Discounts: '', Disputes: '', Invoices: '',
  InvoiceLineItems: '', InvoicePayments: '', Plans: '', Prices: '', Refunds: '', Subscriptions: '',
  SubscriptionItems: '', TransferReversals: '', Transfers: '', 'Checkout/Sessions': 'Checkout',
}
const ROOTS = [
  'Account', 'Charge', 'Checkout.Session', 'Coupon', 'CreditNote', 'Customer', 'DeletedCustomer', 'Discount', 'Dispute',
  'Invoice', 'InvoiceLineItem', 'InvoicePayment', 'Plan', 'Price', 'Refund', 'Subscription', 'SubscriptionItem',
  'Transfer', 'TransferReversal',
]
/** Names in a type's own, `Invoice.Parent.SubscriptionDetails` has three. */
const DEPTH_MAX = 3
/** What has hundreds of fields for payment methods and none about money or customers. */
const CLOSED =
  /^(Account\.(?!Capabilities|Requirements)|Charge\.PaymentMethodDetails|Checkout\.Session\.PaymentMethodOptions|Invoice\.PaymentSettings|Subscription\.PaymentSettings|Dispute\.(Evidence|PaymentMethodDetails)|Refund\.DestinationDetails|Checkout\.Session\.(CustomText|CustomField|BrandingSettings)|Charge\.Level3)/
const SAME = { Decimal: 'string', OtherString: 'string', bigint: 'number', Metadata: 'Metadata', 'Stripe.Metadata': 'Metadata' }

function tokens(text) {
  const plain = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
  return plain.match(/'[^']*'|"[^"]*"|[A-Za-z_$][\w$.]*|\d+|=>|[{}()[\]<>|&;:?,=*]/g) ?? []
}

/** Reads the interfaces and types of a file into `into`, each under its full name. */
function read(text, prefix, into) {
  const all = tokens(text)
  let at = 0
  const take = () => all[at++]
  /** The text of a type up to `;`, or of a block. */
  const until = (ends) => {
    const found = []
    for (let depth = 0; at < all.length; ) {
      if (depth === 0 && ends.includes(all[at])) break
      if ('{([<'.includes(all[at])) depth += 1
      if ('})]>'.includes(all[at])) depth -= 1
      found.push(take())
    }
    return found
  }
  const block = (scope) => {
    while (at < all.length && all[at] !== '}') {
      const word = take()
      if (word === 'namespace' || word === 'module') {
        const name = take().replace(/^['"]|['"]$/g, '')
        take()
        block(['stripe', 'Stripe'].includes(name) ? scope : [...scope, name])
        take()
      } else if (word === 'interface') {
        const name = [...scope, take()].join('.')
        until(['{'])
        take()
        into.set(name, fields(name))
        take()
      } else if (word === 'type' && all[at + 1] === '=') {
        const name = [...scope, take()].join('.')
        take()
        into.set(name, until([';']))
      } else if (word === '{') {
        until(['}'])
        take()
      }
    }
  }
  const fields = () => {
    const found = {}
    while (all[at] !== '}') {
      if (all[at] === '[' || all[at + 1] === '(') {
        until([';'])
        take()
        continue
      }
      const name = take().replace(/^['"]|['"]$/g, '')
      const isOptional = all[at] === '?'
      if (isOptional) take()
      take()
      found[name + (isOptional ? '?' : '')] = until([';'])
      take()
    }
    return found
  }
  block(prefix ? [prefix] : [])
}

/** The alternatives of a union. */
function alternatives(type) {
  const found = [[]]
  let depth = 0
  for (const token of type) {
    if ('{([<'.includes(token)) depth += 1
    if ('})]>'.includes(token)) depth -= 1
    if (token === '|' && depth === 0) found.push([])
    else found.at(-1).push(token)
  }
  return found.filter((one) => one.length > 0)
}

function render(type, scope, declared, wanted) {
  const names = alternatives(type).flatMap((one) => {
    const [name] = one
    if (one.length > 1) {
      const list = { Array: 'Array', ApiList: 'ApiList', 'Stripe.ApiList': 'ApiList' }[name]
      return list ? [`${list}<${render(one.slice(2, -1), scope, declared, wanted)}>`] : ['{}']
    }
    if (/^['"]|^\d/.test(name) || ['string', 'number', 'boolean', 'null'].includes(name)) return [name.replaceAll('"', "'")]
    if (SAME[name]) return [SAME[name]]
    if (name === 'true' || name === 'false' || name === 'void') return [name === 'void' ? 'null' : 'boolean']
    const full = resolve(name.replace(/^Stripe\./, ''), scope, declared)
    if (!full) return ['Expanded']
    if (Array.isArray(declared.get(full))) return [render(declared.get(full), full.split('.').slice(0, -1), declared, wanted)]
    const depth = full.split('.').length - (full.startsWith('Checkout.') ? 1 : 0)
    if (!ROOTS.includes(full) && (depth > DEPTH_MAX || CLOSED.test(full))) return ['{}']
    wanted.add(full)
    return [full]
  })
  return [...new Set(names)].join(' | ')
}

function resolve(name, scope, declared) {
  for (let length = scope.length; length >= 0; length -= 1) {
    const full = [...scope.slice(0, length), name].join('.')
    if (declared.has(full)) return full
  }
  return undefined
}

function extract(folder) {
  const file = ['types', 'esm/resources', 'cjs/resources'].map((sub) => path.join(folder, sub))
  const declared = new Map()
  for (const [name, prefix] of Object.entries(FILES)) {
    const found = file.map((sub) => path.join(sub, `${name}.d.ts`)).find((at) => fs.existsSync(at))
    if (found) read(fs.readFileSync(found, 'utf8'), found.includes('/types/') ? '' : prefix, declared)
  }
  const wanted = new Set(ROOTS.filter((root) => declared.has(root)))
  const types = {}
  for (const name of wanted) {
    const own = declared.get(name)
    const rendered = Object.entries(own).map(([field, type]) => [field, render(type, name.split('.'), declared, wanted)])
    // `deleted?: void` only tells an object from a deleted one.
    types[name] = Object.fromEntries(rendered.filter(([, type]) => type !== 'null'))
  }
  const source = fs.readdirSync(path.join(folder, 'esm')).includes('apiVersion.js') ? 'esm/apiVersion.js' : 'cjs/apiVersion.js'
  const [api_version] = fs.readFileSync(path.join(folder, source), 'utf8').match(/\d{4}-\d{2}-\d{2}\.\w+/)
  const { version } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'))
  const sorted = Object.fromEntries(Object.keys(types).sort().map((name) => [name, types[name]]))
  return { api_version, package: `stripe ${version} (MIT)`, types: sorted }
}

process.stdout.write(`${JSON.stringify(extract(process.argv[2]), null, 1)}\n`)
