from django.db import ProgrammingError
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from tasks.models import Task

GREETING = "Hello from Django. Edit me in server/tasks/views.py."


@require_GET
def index(request):
    return HttpResponse(f"{GREETING}\n", content_type="text/plain")


@csrf_exempt  # a JSON API for curl: there is no session that a foreign page could misuse
@require_http_methods(["GET", "POST"])
def tasks(request):
    """List the tasks; POST with `title` adds one."""
    try:
        if request.method == "POST":
            return add_task(request.POST.get("title", "").strip())
        return JsonResponse({"tasks": list(Task.objects.values("id", "title", "done"))})
    except ProgrammingError as error:  # the table is made by the migration
        return JsonResponse({"error": str(error), "hint": "python manage.py migrate"}, status=503)


def add_task(title):
    if not 0 < len(title) <= Task._meta.get_field("title").max_length:
        return JsonResponse({"error": "a task needs a title of 1 to 200 characters"}, status=400)
    task = Task.objects.create(title=title)
    return JsonResponse({"id": task.id, "title": task.title, "done": task.done}, status=201)
