// What test_api_node.py asks of OpenAI's SDK for Node; says what came of it as JSON.
import OpenAI from "openai"

const client = new OpenAI()
const small = { model: "z-image-turbo", size: "64x64" }
const said = {}

const made = await client.images.generate({ ...small, prompt: "Node", n: 2, response_format: "b64_json" })
said.made = {
    count: made.data.length,
    isPng: made.data.every(one => Buffer.from(one.b64_json, "base64").toString("latin1").startsWith("\x89PNG")),
}

const addressed = await client.images.generate({
    ...small, prompt: "Node url", response_format: "url", output_format: "jpeg", output_compression: 70,
})
const file = await fetch(addressed.data[0].url)
said.url = { status: file.status, type: file.headers.get("content-type") }

const { response } = await client.images.generate({ ...small, prompt: "Node raw", seed: 7 }).withResponse()
said.raw = {
    seed: response.headers.get("x-seed"),
    price: response.headers.get("x-price-usd"),
    hasJob: Boolean(response.headers.get("x-generation-id")),
}

const listed = []
for await (const model of client.models.list()) listed.push(model.id)
said.models = { listed: listed.includes("z-image-turbo"), fastest: (await client.models.retrieve("fastest")).id }

async function failure(asked, who = client) {
    try {
        await who.images.generate({ ...small, prompt: "Node", ...asked })
        return "nothing was wrong"
    } catch (error) {
        return [error.constructor.name, error.code]
    }
}
said.errors = {
    size: await failure({ size: "huge" }),
    model: await failure({ model: "dall-e-3" }),
    refused: await failure({ prompt: "Node [[422]]" }),
    lost: await failure({ prompt: "Node [[504]]" }),
    token: await failure({}, new OpenAI({ apiKey: "vw_nothing" })),
}

const hasty = new OpenAI({ timeout: 4000, maxRetries: 3 })
const late = await hasty.images.generate({ ...small, prompt: "Node [[slow 6]]", response_format: "b64_json" })
said.retried = { count: late.data.length }

console.log(JSON.stringify(said))
