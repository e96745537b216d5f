import pytest

from sagittal.dicomweb import bulkdata, frames, metadata, objects, rendered, search, store
from sagittal.dicomweb.problems import MethodNotAllowed
from sagittal.dicomweb.routes import ROUTES, Handler, find_route, shown
from sagittal.errors import NotFound


@pytest.mark.parametrize(
    ("method", "path", "handler", "names"),
    [
        ("GET", "/studies", search.studies, ()),
        ("GET", "/studies/", search.studies, ()),
        ("POST", "/studies", store.store, ()),
        ("POST", "/studies/1", store.store, ("1",)),
        ("GET", "/studies/1", objects.retrieve, ("1",)),
        ("HEAD", "/studies/1", objects.retrieve, ("1",)),
        ("GET", "/studies/1/metadata", metadata.retrieve, ("1",)),
        ("GET", "/studies/1/series", search.series, ("1",)),
        ("GET", "/studies/1/instances", search.instances, ("1",)),
        ("GET", "/studies/1/series/2", objects.retrieve, ("1", "2")),
        ("GET", "/studies/1/series/2/instances", search.instances, ("1", "2")),
        ("GET", "/studies/1/series/2/metadata", metadata.retrieve, ("1", "2")),
        ("GET", "/studies/1/series/2/instances/3", objects.retrieve, ("1", "2", "3")),
        ("GET", "/studies/1/series/2/instances/3/metadata", metadata.retrieve, ("1", "2", "3")),
        ("GET", "/studies/1/series/2/instances/3/frames/4,5", frames.retrieve, ("1", "2", "3", "4,5")),
        ("GET", "/studies/1/series/2/instances/3/bulkdata/7FE00010", bulkdata.retrieve, ("1", "2", "3", "7FE00010")),
        ("GET", "/studies/1/rendered", shown, ("1",)),
        ("GET", "/studies/1/series/2/thumbnail", rendered.thumbnail, ("1", "2")),
        (
            "GET",
            "/studies/1/series/2/instances/3/frames/4,5/rendered",
            rendered.retrieve_frames,
            ("1", "2", "3", "4,5"),
        ),
        ("GET", "/series", search.series, ()),
        ("GET", "/instances", search.instances, ()),
    ],
)
def test_a_path_leads_to_its_handler(method: str, path: str, handler: Handler, names: tuple[str, ...]) -> None:
    assert find_route(method, path) == (handler, names)


@pytest.mark.parametrize(
    "path", ["/x", "/studies/1/2", "/patient", "/studies/1/series/2/instances/3/frames", "/a" * 100, "/studies//x"]
)
def test_a_path_of_another_form_leads_nowhere(path: str) -> None:
    with pytest.raises(NotFound):
        find_route("GET", path)


def test_a_resource_takes_its_own_methods_only() -> None:
    with pytest.raises(MethodNotAllowed) as refused:
        find_route("PUT", "/studies/1")
    assert refused.value.args == ("the resource takes GET, POST, DELETE", "GET", "POST", "DELETE", "HEAD", "OPTIONS")


def test_no_two_resources_share_a_form() -> None:
    assert len(set(ROUTES)) == len(ROUTES) == 48
