"""The page at `/`."""

from pathlib import Path

from litestar import Litestar
from litestar.testing import AsyncTestClient

from sagittal.archive.filling import fill_attributes
from sagittal.dicom.attribute_path import parse_attribute
from sagittal.web.assets import assets
from sagittal.web.front_page import front_page
from support.archives import archive_at, instance, store


async def test_it_says_how_far_the_indexing_of_named_attributes_is(tmp_path: Path) -> None:
    async with archive_at(tmp_path / "data") as archive:
        await store(archive, instance(), instance())
        await archive.name_attributes([parse_attribute('0009,"A<B",01:LO')])
        async with AsyncTestClient(Litestar([*front_page(archive, dict), assets()])) as client:
            assert "0 of 2 instances are indexed by 0009,&#34;A&lt;B&#34;,01 so far" in (await client.get("/")).text
            await fill_attributes(archive)
            assert "so far" not in (await client.get("/")).text
